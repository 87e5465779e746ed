import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

type Hook = (work: () => Promise<void>) => void;

/** Makes a temporary directory for each test of the calling block. The returned function returns its path. */
export function useTempDir(): () => string {
  return directoryBetween(beforeEach, afterEach);
}

/** Makes one temporary directory for all tests of the calling file or block. The returned function returns its path. */
export function useSharedTempDir(): () => string {
  return directoryBetween(beforeAll, afterAll);
}

function directoryBetween(before: Hook, after: Hook): () => string {
  let directory: string | undefined;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-'));
  });
  after(async () => {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });
  return () => {
    if (directory === undefined) throw new Error('There is a temporary directory only inside a hook or a test');
    return directory;
  };
}
