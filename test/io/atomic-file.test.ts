import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../../src/io/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

describe('writeFileAtomic', () => {
  const directory = useTempDir();

  it('writes a new file with the exact mode, whatever the umask', async () => {
    const path = join(directory(), 'state.json');
    const umask = process.umask(0o077);
    try {
      await writeFileAtomic(path, 'one', { mode: 0o664 });
    } finally {
      process.umask(umask);
    }
    expect(await readFile(path, 'utf8')).toBe('one');
    expect((await stat(path)).mode & 0o777).toBe(0o664);
  });

  it('replaces a file and leaves nothing beside it', async () => {
    const path = join(directory(), 'state.json');
    await writeFile(path, 'old');
    await writeFileAtomic(path, Buffer.from('new'));
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readdir(directory())).toEqual(['state.json']);
  });

  it('keeps what was there and removes its temporary file when it cannot finish', async () => {
    const path = join(directory(), 'taken');
    await mkdir(join(path, 'inside'), { recursive: true });
    await expect(writeFileAtomic(path, 'new')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(await readdir(directory())).toEqual(['taken']);
  });
});
