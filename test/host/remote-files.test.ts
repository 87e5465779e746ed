import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import {
  ensureBlock,
  ensureDirectory,
  fileDigest,
  openLocalHost,
  readRemoteFile,
  removeRemoteFile,
  setBlock,
} from '../../src/host/index.ts';
import { useTempDir } from '../support/temp-dir.ts';
import * as fc from '../support/fast-check.ts';

const directory = useTempDir();
const host = openLocalHost({ name: 'local' });

describe('files on a host', () => {
  it('are read and hashed; absence is a value', async () => {
    const path = join(directory(), "it's a $file");
    expect(await readRemoteFile(host, path)).toBeUndefined();
    expect(await fileDigest(host, path)).toBeUndefined();
    await writeFile(path, 'hello ü\n');
    await chmod(path, 0o640);
    expect(await readRemoteFile(host, path)).toBe('hello ü\n');
    expect(await fileDigest(host, path)).toBe(digestOf('hello ü\n'));
    await removeRemoteFile(host, path);
    await removeRemoteFile(host, path);
    expect(await readRemoteFile(host, path)).toBeUndefined();
  });

  it('that are too big are not read', async () => {
    const path = join(directory(), 'big');
    await writeFile(path, Buffer.alloc(5_000_000, 'x'));
    await expect(readRemoteFile(host, path)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('that are directories fail with what the host said', async () => {
    await expect(readRemoteFile(host, directory())).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});

describe('ensureDirectory', () => {
  it('makes parents with 0755 and gives the directory its mode, again and again', async () => {
    const path = join(directory(), 'a/b');
    for (const mode of [0o700, 0o750]) {
      await ensureDirectory(host, path, { mode });
      expect((await stat(path)).mode & 0o7777).toBe(mode);
    }
    expect((await stat(join(directory(), 'a'))).mode & 0o7777).toBe(0o755);
  });

  it('does not replace a file', async () => {
    const path = join(directory(), 'file');
    await writeFile(path, '');
    await expect(ensureDirectory(host, path)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});

describe('setBlock', () => {
  it.each([
    ['adds a block at the end', 'a\nb\n', 'a\nb\n# BEGIN x\n1\n2\n# END x\n'],
    ['gives the last line its end', 'a', 'a\n# BEGIN x\n1\n2\n# END x\n'],
    ['makes a file of nothing', '', '# BEGIN x\n1\n2\n# END x\n'],
    ['replaces a block where it is', 'a\n# BEGIN x\n9\n# END x\nb\n', 'a\n# BEGIN x\n1\n2\n# END x\nb\n'],
    ['leaves a block that is right', 'a\n# BEGIN x\n1\n2\n# END x\nb', 'a\n# BEGIN x\n1\n2\n# END x\nb'],
    ['leaves other blocks', '# BEGIN y\n9\n# END y\n', '# BEGIN y\n9\n# END y\n# BEGIN x\n1\n2\n# END x\n'],
    ['makes two blocks one', '# BEGIN x\n8\n# END x\na\n# BEGIN x\n9\n# END x\nb\n', '# BEGIN x\n1\n2\n# END x\na\nb\n'],
    ['loses nothing to a begin without an end', '# BEGIN x\nmine\n', '# BEGIN x\n1\n2\n# END x\nmine\n'],
    ['loses nothing between two begins', '# BEGIN x\nmine\n# BEGIN x\n9\n# END x\n', '# BEGIN x\n1\n2\n# END x\nmine\n'],
  ])('%s', (_what, before, after) => {
    expect(setBlock(before, 'x', ['1', '2'])).toBe(after);
  });

  it('removes a block when there are no lines', () => {
    expect(setBlock('a\n# BEGIN x\n1\n# END x\nb\n', 'x', [])).toBe('a\nb\n');
    expect(setBlock('# BEGIN x\n1\n# END x\n', 'x', [])).toBe('');
    expect(setBlock('a', 'x', [])).toBe('a');
  });

  it('changes nothing the second time, and loses no line of others', () => {
    const line = fc.constantFrom('# BEGIN x', '# END x', '1', 'mine', '', ' # BEGIN x');
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = lines.map((each) => `${each}\n`).join('');
        const once = setBlock(text, 'x', ['1']);
        expect(setBlock(once, 'x', ['1'])).toBe(once);
        const outside = setBlock(text, 'x', []);
        expect(setBlock(once, 'x', [])).toBe(outside);
      }),
    );
  });

  it('refuses lines that would be several', () => {
    expect(() => setBlock('', 'x', ['a\nb'])).toThrow(/line feed/);
    expect(() => setBlock('', 'x\ny', ['a'])).toThrow(/not a name/);
  });
});

describe('ensureBlock', () => {
  it('keeps mode and the rest of the file, and does nothing when the block is there', async () => {
    const path = join(directory(), 'hosts');
    await writeFile(path, '127.0.0.1 localhost\n');
    await chmod(path, 0o604);
    await ensureBlock(host, path, 'x', ['10.0.0.1 m1']);
    expect(await readFile(path, 'utf8')).toBe('127.0.0.1 localhost\n# BEGIN x\n10.0.0.1 m1\n# END x\n');
    expect((await stat(path)).mode & 0o7777).toBe(0o604);
    const { ino } = await stat(path);
    await ensureBlock(host, path, 'x', ['10.0.0.1 m1']);
    expect((await stat(path)).ino).toBe(ino);
  });

  it('makes the file when there is none', async () => {
    const path = join(directory(), 'new');
    await ensureBlock(host, path, 'x', ['a']);
    expect(await readFile(path, 'utf8')).toBe('# BEGIN x\na\n# END x\n');
    expect((await stat(path)).mode & 0o7777).toBe(0o644);
  });
});
