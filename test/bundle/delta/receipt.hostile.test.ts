import { describe, expect, it } from 'vitest';
import { parseReceipt } from '../../../src/bundle/delta/receipt.ts';
import { codeOf, HOSTILE_BYTES } from '../../support/hostile-texts.ts';

describe('parseReceipt', () => {
  it.each(HOSTILE_BYTES)('refuses %s', async (_, bytes) => {
    expect(await codeOf(() => parseReceipt(bytes, 'site.receipt'))).toBe('INPUT_INVALID');
  });

  it.each<readonly [string, string]>([
    ['a million bundles that are none', `[${'0,'.repeat(1_000_000)}0]`],
    ['a member of negative size', '[{"name":"a","version":"1","digest":"D","members":[{"path":"a","size":-1,"digest":"D"}]}]'],
    [
      'a member of a size beyond all numbers',
      '[{"name":"a","version":"1","digest":"D","members":[{"path":"a","size":1e999,"digest":"D"}]}]',
    ],
    ['a name with an escape of the terminal', '[{"name":"a\\u001b[2J","version":"1","digest":"D","members":[]}]'],
    ['an unknown key', '[{"name":"a","version":"1","digest":"D","members":[],"__proto__":{}}]'],
  ])('refuses %s', async (_, bundles) => {
    const text = `{"apiVersion":"caisson.receipt/v1","kind":"Receipt","bundles":${bundles.replaceAll('"D"', `"sha256:${'a'.repeat(64)}"`)}}`;
    expect(await codeOf(() => parseReceipt(Buffer.from(text), 'site.receipt'))).toBe('INPUT_INVALID');
  });
});
