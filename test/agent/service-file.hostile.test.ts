import { describe, expect, it } from 'vitest';
import { parseServiceFile } from '../../src/agent/index.ts';
import { codeOf, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

function fileOf(service: string): string {
  return `version: '2.1'\nservices:\n- ${service}\n`;
}

describe('parseServiceFile', () => {
  it.each(HOSTILE_TEXTS)('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseServiceFile(text, 'a.yaml'))).toBe('INPUT_INVALID');
  });

  it.each([
    '{ name: ../a, start: x }',
    '{ name: a/b, start: x }',
    '{ name: a@b, start: x }',
    '{ name: "a\\nb", start: x }',
    '{ name: "a\\0", start: x }',
    '{ name: "", start: x }',
    '{ name: a, start: "x\\0y" }',
    '{ name: a, start: "x\\e[2J" }',
    '{ name: a, start: x, after: ["b c"] }',
    '{ name: a, start: x, after: ["b\\nExecStart=/bin/sh"] }',
    '{ name: a, start: x, restart_sec: 1e999 }',
    '{ name: a, start: x, restart_sec: "1; reboot" }',
    '{ name: a, start: x, restart_sec: -1 }',
    '{ name: a, start: x, endpoints: [{ name: e, port: 65536 }] }',
    '{ name: a, start: x, endpoints: [{ name: e, port: 1.5 }] }',
    '{ name: a, start: x, endpoints: [{ name: e, port: -1 }] }',
    '{ name: a, start: x, health: { model: tcp, address: "127.0.0.1:0" } }',
    '{ name: a, start: x, health: { model: tcp, address: "127.0.0.1:1", time_interval: -1 } }',
    '{ name: a, start: x, health: { model: tcp, address: "127.0.0.1:1", max_errors_num: 1e999 } }',
    '{ name: a, start: x, __proto__: {} }',
    '{ name: a, start: x }\n- { name: a, start: y }',
  ])('refuses %s', async (service) => {
    expect(await codeOf(() => parseServiceFile(fileOf(service), 'a.yaml'))).toBe('INPUT_INVALID');
  });
});
