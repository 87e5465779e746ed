import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeLeftovers, removeLeftoversBelow } from '../../src/io/index.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-leftovers-'));
  for (const name of ['file', '.file.0123456789ab.tmp', '.other.0123456789ab.tmp', '.file.swp.tmp', 'file.0123456789ab.tmp']) {
    await writeFile(join(directory, name), '');
  }
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('removeLeftovers', () => {
  it('removes the temporary files of one file and nothing else', async () => {
    await removeLeftovers(directory, 'file');
    expect((await readdir(directory)).sort()).toEqual(['.file.swp.tmp', '.other.0123456789ab.tmp', 'file', 'file.0123456789ab.tmp']);
  });

  it('removes those of several files', async () => {
    await removeLeftovers(directory, 'file', 'other', 'none');
    expect((await readdir(directory)).sort()).toEqual(['.file.swp.tmp', 'file', 'file.0123456789ab.tmp']);
  });

  it('has nothing to do where no directory is', async () => {
    await removeLeftovers(join(directory, 'none'));
  });
});

describe('removeLeftoversBelow', () => {
  it('removes the temporary files of all files, in directories below it too', async () => {
    await mkdir(join(directory, 'one/two'), { recursive: true });
    for (const name of ['file', '.file.0123456789ab.tmp']) await writeFile(join(directory, 'one/two', name), '');
    await removeLeftoversBelow(directory);
    expect((await readdir(directory, { recursive: true })).sort()).toEqual([
      '.file.swp.tmp',
      'file',
      'file.0123456789ab.tmp',
      'one',
      'one/two',
      'one/two/file',
    ]);
  });

  it('has nothing to do where no directory is', async () => {
    await removeLeftoversBelow(join(directory, 'none'));
  });
});
