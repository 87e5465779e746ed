import { describe, expect, it } from 'vitest';
import { parseClusterSpec } from '../../src/cluster/index.ts';
import { codeOf, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

describe('parseClusterSpec', () => {
  it.each(HOSTILE_TEXTS)('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseClusterSpec(text, 'cluster.yaml'))).toBe('INPUT_INVALID');
  });
});
