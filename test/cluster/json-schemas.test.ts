import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import { jsonSchemas } from '../../src/cluster/index.ts';

const DIRECTORY = resolve(import.meta.dirname, '../../manifests/schema');

describe('the published JSON Schemas', () => {
  it.each(Object.entries(jsonSchemas()))('%s is current; else run: npm run schemas', async (name, text) => {
    const path = resolve(DIRECTORY, name);
    const formatted = await format(text, { ...(await resolveConfig(path)), filepath: path });
    if (process.env['UPDATE_SCHEMAS'] === '1') writeFileSync(path, formatted);
    expect(readFileSync(path, 'utf8')).toBe(formatted);
  });

  it('say in a sentence what every key of cluster.yaml is for', () => {
    const undescribed: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      const properties: unknown = 'properties' in node ? node.properties : undefined;
      for (const [key, value] of Object.entries(properties ?? {})) {
        if (!JSON.stringify(value).includes('"description"')) undescribed.push(`${path}${key}`);
        walk(value, `${path}${key}.`);
      }
      for (const list of ['oneOf', 'anyOf', 'items'] as const) {
        if (!(list in node)) continue;
        const inner: unknown = Object.entries(node).find(([key]) => key === list)?.[1];
        for (const item of Array.isArray(inner) ? inner : [inner]) walk(item, path);
      }
    };
    walk(JSON.parse(jsonSchemas()['cluster.json'] ?? ''), '');
    expect(undescribed).toEqual([]);
  });
});
