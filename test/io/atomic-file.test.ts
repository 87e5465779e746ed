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

  it('writes a stream, and leaves no file when the stream fails', async () => {
    const path = join(directory(), 'streamed');
    const chunks = async function* (fails: boolean): AsyncGenerator<Uint8Array> {
      yield Buffer.from('first, ');
      yield Buffer.from('second');
      if (fails) throw new Error('the source failed');
    };
    await expect(writeFileAtomic(path, chunks(true))).rejects.toThrow('the source failed');
    expect(await readdir(directory())).toEqual([]);
    await writeFileAtomic(path, chunks(false));
    expect(await readFile(path, 'utf8')).toBe('first, second');
  });

  it('gives the file to its owner, which everybody may do with a file of their own', async () => {
    const path = join(directory(), 'own');
    await writeFile(path, '');
    const { uid, gid } = await stat(path);
    await writeFileAtomic(path, 'new', { owner: { user: uid, group: gid } });
    expect(await stat(path)).toMatchObject({ uid, gid });
    // Root alone may give files away.
    if (uid !== 0) return;
    await writeFileAtomic(path, 'new', { owner: { user: 12_345, group: 54_321 } });
    expect(await stat(path)).toMatchObject({ uid: 12_345, gid: 54_321 });
  });

  it('keeps what was there and removes its temporary file when it cannot finish', async () => {
    const path = join(directory(), 'taken');
    await mkdir(join(path, 'inside'), { recursive: true });
    await expect(writeFileAtomic(path, 'new')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(await readdir(directory())).toEqual(['taken']);
  });
});
