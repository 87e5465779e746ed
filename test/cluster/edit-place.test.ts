import { describe, expect, it } from 'vitest';
import { setPlace } from '../../src/cluster/index.ts';

const FILE = 'cluster.yaml';

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

describe('setPlace', () => {
  it.each([
    ['without the key', ['name: a # ours'], ['name: a # ours', 'place: { db: n2 }']],
    ['with an empty key', ['place:', 'nodes: []'], ['place: { db: n2 }', 'nodes: []']],
    ['with an empty map', ['place: {}'], ['place: { db: n2 }']],
    ['with others', ['place:', '  hub: n1 # for its disks', 'name: a'], ['place:', '  hub: n1 # for its disks', '  db: n2', 'name: a']],
    ['with another node', ['place: { db: n1, hub: n1 }'], ['place: { db: n2, hub: n1 }']],
    ['with the same node', ['place:   { db: n2 }'], ['place:   { db: n2 }']],
  ])('writes the node of a component into a file %s, and leaves the rest', (_what, before, after) => {
    expect(setPlace(lines(...before), FILE, 'db', 'n2')).toBe(lines(...after));
  });
});
