import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf, type Platform } from '../../src/core/index.ts';
import { locateExecutables, placeExecutables } from '../../src/builder/executables.ts';
import { useTempDir } from '../support/temp-dir.ts';

const here: Platform = { os: process.platform, architecture: process.arch === 'x64' ? 'amd64' : process.arch };
const elsewhere: Platform = { os: 'linux', architecture: here.architecture === 'amd64' ? 'arm64' : 'amd64' };
const nameOf = ({ os, architecture }: Platform): string => `caisson-${os}-${architecture}`;

describe('locateExecutables', () => {
  const directory = useTempDir();
  const self = (standalone: boolean): { path: string; standalone: boolean } => ({ path: join(directory(), 'caisson'), standalone });
  const put = (name: string, content: string): Promise<void> => writeFile(join(directory(), name), content);

  it('takes the running executable for its own platform, and what lies beside it for another', async () => {
    await put('caisson', 'running');
    await put(nameOf(elsewhere), 'other');
    const found = await locateExecutables([here, elsewhere], { asked: [], self: self(true) });
    expect(found.map(({ digest }) => digest)).toEqual([digestOf('running'), digestOf('other')]);
  });

  it('never takes main.js for the executable', async () => {
    await put('caisson', 'a script');
    await put(nameOf(here), 'built');
    const [found] = await locateExecutables([here], { asked: [], self: self(false) });
    expect(found).toMatchObject({ digest: digestOf('built'), size: 5, path: join(directory(), nameOf(here)) });
  });

  it('takes the file that is asked for, by platform where there are several', async () => {
    await put('one', 'one');
    await put('two', 'two');
    const single = await locateExecutables([here], { asked: [join(directory(), 'one')], self: self(false) });
    expect(single.map(({ size, digest }) => [size, digest])).toEqual([[3, digestOf('one')]]);
    const asked = [
      `${elsewhere.os}/${elsewhere.architecture}=${join(directory(), 'two')}`,
      `${here.os}/${here.architecture}=${join(directory(), 'one')}`,
    ];
    const both = await locateExecutables([here, elsewhere], { asked, self: self(false) });
    expect(both.map(({ digest }) => digest)).toEqual([digestOf('one'), digestOf('two')]);
  });

  it.each([
    ['a file without platform when there are several', ['/a/file'], /several platforms/],
    ['a platform that is not built for', ['windows/amd64=/a/file'], /the platforms are/],
    ['two files for one platform', ['linux/arm64=/a', 'linux/arm64=/b'], /second one/],
  ])('refuses %s', async (_, asked, message) => {
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ];
    await expect(locateExecutables(platforms, { asked, self: self(false) })).rejects.toThrow(message);
  });

  it('says of a directory that it is not a file', async () => {
    await expect(locateExecutables([here], { asked: [directory()], self: self(false) })).rejects.toMatchObject({
      code: 'EXECUTABLE_MISSING',
      message: expect.stringContaining('it is not a file'),
    });
  });
});

describe('placeExecutables', () => {
  const directory = useTempDir();

  async function located(content: string): Promise<Awaited<ReturnType<typeof locateExecutables>>> {
    await writeFile(join(directory(), 'built'), content, { mode: 0o600 });
    return locateExecutables([here], { asked: [join(directory(), 'built')], self: { path: '/nowhere/main.js', standalone: false } });
  }

  it('replaces what is there when it differs, and leaves it alone when it does not', async () => {
    await mkdir(join(directory(), 'out'));
    await writeFile(join(directory(), 'out', nameOf(here)), 'old');
    const [path = ''] = await placeExecutables(await located('new'), join(directory(), 'out'), undefined);
    expect(await readFile(path, 'utf8')).toBe('new');
    const before = await stat(path);
    expect(before.mode & 0o777).toBe(0o755);
    await placeExecutables(await located('new'), join(directory(), 'out'), undefined);
    expect((await stat(path)).ino).toBe(before.ino);
  });

  it('refuses a file that changed after it was looked at, and leaves nothing', async () => {
    const files = await located('planned');
    await writeFile(join(directory(), 'built'), 'changed');
    await mkdir(join(directory(), 'out'));
    await expect(placeExecutables(files, join(directory(), 'out'), undefined)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(stat(join(directory(), 'out', `${nameOf(here)}.partial`))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
