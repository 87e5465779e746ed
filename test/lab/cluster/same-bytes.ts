import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../run.ts';
import { buildLabBundle } from '../scenario.ts';
import { frozenLock, type GetSide } from './site.ts';

/** Registers the tests of bundles that are built again. */
export function sameBytes(side: GetSide): void {
  it('is the same file when it is built from its lock again, in other directories', async () => {
    const { connected, bundle } = side();
    const paths = [bundle.path];
    for (const name of ['again', 'and-again']) {
      const directory = join(connected.directory, name);
      await mkdir(directory);
      await copyFile(frozenLock(side()), join(directory, 'bundle.lock.json'));
      paths.push((await buildLabBundle(connected, name, ['--frozen'])).path);
    }
    const { stdout } = await run(['sha256sum', ...paths]);
    const sums = stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(0, 64));
    expect(sums).toHaveLength(3);
    expect(new Set(sums).size).toBe(1);
  });
}
