import { chmod, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLocalHost, type Host } from '../../src/host/index.ts';
import { areAsWanted, differing, putInPlace, type ManagedFile } from '../../src/install/managed-files.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const host = openLocalHost({ name: 'here' });
const signal = new AbortController().signal;
const { uid, gid } = userInfo();
const owner = `${uid}:${gid}`;

function file(name: string, content = 'text\n', mode = 0o640): ManagedFile {
  return { path: join(directory(), name), content, mode, owner };
}

async function differingNames(files: readonly ManagedFile[]): Promise<readonly string[]> {
  return (await differing(host, { files }, signal)).files.map(({ path }) => path.slice(directory().length + 1));
}

describe('managed files', () => {
  it('are as wanted once they were put in place', async () => {
    const wanted = { files: [file('a'), file('deep/er/b', '')], directories: [{ path: join(directory(), 'd'), mode: 0o700, owner }] };
    expect(await areAsWanted(host, wanted, signal)).toBe(false);
    await putInPlace(host, wanted, signal);
    expect(await areAsWanted(host, wanted, signal)).toBe(true);
    expect((await stat(join(directory(), 'a'))).mode & 0o777).toBe(0o640);
    expect((await stat(join(directory(), 'd'))).mode & 0o777).toBe(0o700);
  });

  it('differ when they are missing, or in bytes, mode or owner', async () => {
    const files = ['missing', 'bytes', 'mode', 'owner', 'same'].map((name) => file(name));
    await putInPlace(host, { files }, signal);
    await rm(join(directory(), 'missing'));
    await writeFile(join(directory(), 'bytes'), 'TEXT\n');
    await chmod(join(directory(), 'mode'), 0o644);
    const wanted = files.map((one) => (one.path.endsWith('owner') ? { ...one, owner: '12345:0' } : one));
    expect(await differingNames(wanted)).toEqual(['missing', 'bytes', 'mode', 'owner']);
  });

  it('may be owned by name or by number', async () => {
    await putInPlace(host, { files: [file('a')] }, signal);
    const names = (await host.run({ argv: ['stat', '--format=%U:%G', join(directory(), 'a')] })).stdout.trim();
    expect(await differingNames([{ ...file('a'), owner: names }])).toEqual([]);
    expect(await differingNames([{ ...file('a'), owner: 'nobody:nogroup' }])).toEqual(['a']);
  });

  it.each(['with space', "quote'd", 'line\nfeed', 'tab\there', 'back\\slash', '-dash', 'ümlaut', '$(touch x)'])(
    'may be called %j',
    async (name) => {
      const files = [file(name)];
      expect(await differingNames(files)).toEqual([name]);
      await putInPlace(host, { files }, signal);
      expect(await readFile(join(directory(), name), 'utf8')).toBe('text\n');
      expect(await differingNames(files)).toEqual([]);
    },
  );

  it('keep bytes that are no text', async () => {
    const bytes = Uint8Array.from([0, 255, 10, 128]);
    await putInPlace(host, { files: [{ ...file('binary'), content: bytes }] }, signal);
    expect(await readFile(join(directory(), 'binary'))).toEqual(Buffer.from(bytes));
  });

  it('replace a link, and are not read through one', async () => {
    await writeFile(join(directory(), 'target'), 'text\n', { mode: 0o640 });
    await symlink('target', join(directory(), 'link'));
    expect(await differingNames([file('link')])).toEqual(['link']);
    await putInPlace(host, { files: [file('link', 'new\n')] }, signal);
    expect(await readFile(join(directory(), 'target'), 'utf8')).toBe('text\n');
    expect(await readFile(join(directory(), 'link'), 'utf8')).toBe('new\n');
  });

  it('are not looked for in a pipe that somebody put there', async () => {
    await host.run({ argv: ['mkfifo', join(directory(), 'pipe')] });
    expect(await differingNames([file('pipe')])).toEqual(['pipe']);
  });

  it('that are as wanted are not written again', async () => {
    await putInPlace(host, { files: [file('a')] }, signal);
    const uploads: string[] = [];
    const watched: Host = {
      ...host,
      upload: async (source, path, options) => {
        uploads.push(path);
        await host.upload(source, path, options);
      },
    };
    await putInPlace(watched, { files: [file('a'), file('b')] }, signal);
    expect(uploads).toEqual([join(directory(), 'b')]);
  });
});

describe('managed directories', () => {
  it('differ in mode, keep what they hold, and may be links to another disk', async () => {
    const path = join(directory(), 'data');
    await mkdir(join(directory(), 'disk'), { mode: 0o755 });
    await writeFile(join(directory(), 'disk/kept'), 'kept');
    await symlink('disk', path);
    const wanted = { directories: [{ path, mode: 0o710, owner }] };
    expect(await areAsWanted(host, wanted, signal)).toBe(false);
    await putInPlace(host, wanted, signal);
    expect(await areAsWanted(host, wanted, signal)).toBe(true);
    expect(await readFile(join(path, 'kept'), 'utf8')).toBe('kept');
  });

  it('differ when a file stands there, and say so when it is in the way', async () => {
    const path = join(directory(), 'data');
    await writeFile(path, '');
    const wanted = { directories: [{ path, mode: 0o755, owner }] };
    expect(await areAsWanted(host, wanted, signal)).toBe(false);
    await expect(putInPlace(host, wanted, signal)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});
