import { describe, expect, it } from 'vitest';
import { setChoice, setDomain } from '../../src/cluster/index.ts';
import { messageOf } from '../../src/core/index.ts';

const FILE = 'cluster.yaml';

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

function chosen(text: string, option: string, choice: string, values: Readonly<Record<string, string | number>> = {}): string {
  return setChoice(text, FILE, { option, choice, values });
}

describe('setChoice', () => {
  it('writes a choice at its place, and leaves comments and other options', () => {
    const before = lines('options: # ours', '  network: calico # since 2025', '  storage: none', 'nodes: []');
    expect(chosen(before, 'network', 'flannel')).toBe(
      lines('options: # ours', '  network: flannel # since 2025', '  storage: none', 'nodes: []'),
    );
  });

  it.each([
    ['no options', ['name: a'], ['name: a', 'options: { network: flannel }']],
    ['an empty key', ['name: a', 'options:', 'nodes: []'], ['name: a', 'options: { network: flannel }', 'nodes: []']],
    ['an empty map', ['options: {}'], ['options: { network: flannel }']],
    ['others in one line', ['options: { storage: none }'], ['options: { storage: none, network: flannel }']],
    ['others in lines', ['options:', '  storage: none', 'name: a'], ['options:', '  storage: none', '  network: flannel', 'name: a']],
  ])('adds one to a file with %s', (_what, before, after) => {
    expect(chosen(lines(...before), 'network', 'flannel')).toBe(lines(...after));
  });

  it('keeps the values of the same choice, and replaces those that are given at their places', () => {
    const before = lines('options:', '  storage:', '    choice: nas', '    server: 10.0.0.5 # rack 2', '    path: /a');
    expect(chosen(before, 'storage', 'nas', { path: '/b', port: 7 })).toBe(
      lines('options:', '  storage:', '    choice: nas', '    server: 10.0.0.5 # rack 2', '    path: /b', '    port: 7'),
    );
    expect(chosen(before, 'storage', 'nas')).toBe(before);
  });

  it('gives another choice its values, and none of those before', () => {
    expect(chosen('options: { storage: { choice: nas, server: 10.0.0.5 } }\n', 'storage', 'none')).toBe('options: { storage: none }\n');
    expect(chosen('options: { storage: none }\n', 'storage', 'nas', { server: '10.0.0.5' })).toBe(
      'options: { storage: { choice: nas, server: 10.0.0.5 } }\n',
    );
  });

  it('refuses a text that cannot be edited in place', () => {
    const shared = lines('options: &all', '  storage: none', 'variables: *all');
    expect(() => chosen(shared, 'storage', 'nas')).toThrow(expect.toSatisfy((error) => messageOf(error).includes(FILE)));
  });
});

describe('setDomain', () => {
  it('replaces the domain, or adds it', () => {
    expect(setDomain(lines('domain: a.example # DNS', 'name: a'), FILE, 'b.example')).toBe(lines('domain: b.example # DNS', 'name: a'));
    expect(setDomain(lines('name: a'), FILE, 'b.example')).toBe(lines('name: a', 'domain: b.example'));
  });
});
