import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errnoOf } from '../../src/core/index.ts';
import type { Host } from '../../src/host/index.ts';
import type { HostUnderTest } from '../contract/host.ts';

/** A host that works on this machine's files, seen through the file system. */
export async function onThisMachine(host: Host, stop: () => Promise<void> = async () => {}): Promise<HostUnderTest> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-host-'));
  return {
    host,
    directory,
    read: async (path) => {
      try {
        return { content: await readFile(path), mode: (await stat(path)).mode & 0o7777 };
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    names: (path) => readdir(path),
    stop: async () => {
      await rm(directory, { recursive: true, force: true });
      await stop();
    },
  };
}
