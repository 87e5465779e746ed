import { describe, expect, it } from 'vitest';
import { isMachineLockTaken, takeMachineLock } from '../../src/io/index.ts';

const NAME = `caisson-test-looked-at-${process.pid}`;

describe('isMachineLockTaken', () => {
  it('says whether a lock is held, and does not take it', async () => {
    expect(await isMachineLockTaken(NAME)).toBe(false);
    const release = await takeMachineLock(NAME);
    expect(release).toBeDefined();
    expect(await isMachineLockTaken(NAME)).toBe(true);
    await release?.();
    expect(await isMachineLockTaken(NAME)).toBe(false);
  });
});
