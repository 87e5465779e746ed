import { chmod, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silent, systemClock } from '../../src/core/index.ts';
import { openLocalHost, type Host } from '../../src/host/index.ts';
import { directoryKind, type DirectorySpec } from '../../src/resources/directory.ts';
import { lookAtFiles, writeFiles } from '../../src/resources/file.ts';
import { fixedContent, type PlacedFile } from '../../src/resources/index.ts';
import { inspectPaths } from '../../src/resources/paths.ts';
import { dockerEngine } from '../../src/resources/containers/docker/docker-engine.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { relocatedHost } from '../support/relocated-host.ts';
import { Installer } from '../support/simulated-machine.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const signal = new AbortController().signal;
const context = { packages: aptManager, engine: dockerEngine, clock: systemClock, emit: silent, signal };
const { uid, gid } = userInfo();
const owner = `${uid}:${gid}`;

function here(): Host {
  return relocatedHost(openLocalHost({ name: 'here' }), {
    places: { '/var/lib/caisson': join(directory(), 'state') },
    installer: new Installer(),
  });
}

function file(name: string, content: string | Uint8Array = 'text\n', mode = 0o640): PlacedFile {
  return { path: join(directory(), name), content: fixedContent(content), mode, owner };
}

async function put(files: readonly PlacedFile[], host = here()): Promise<readonly string[]> {
  return writeFiles(host, files, [], context);
}

async function statesOf(files: readonly PlacedFile[]): Promise<readonly string[]> {
  return (await lookAtFiles(here(), files, signal)).map((found) => (found.state === 'different' ? found.why : found.state));
}

describe('files', () => {
  it('are as wanted once they were put in place', async () => {
    const files = [file('a'), file('deep/er/b', '')];
    expect(await statesOf(files)).toEqual(['absent', 'absent']);
    expect(await put(files)).toEqual(files.map(({ path }) => path));
    expect(await statesOf(files)).toEqual(['same', 'same']);
    expect((await stat(join(directory(), 'a'))).mode & 0o777).toBe(0o640);
  });

  it('differ when they are missing, or in bytes, mode or owner', async () => {
    const files = ['missing', 'bytes', 'mode', 'owner', 'same'].map((name) => file(name));
    await put(files);
    await rm(join(directory(), 'missing'));
    await writeFile(join(directory(), 'bytes'), 'TEXT\n');
    await chmod(join(directory(), 'mode'), 0o644);
    const wanted = files.map((one) => (one.path.endsWith('owner') ? { ...one, owner: '12345:0' } : one));
    expect(await statesOf(wanted)).toEqual([
      'absent',
      'its content differs',
      'its mode is 644, want 640',
      expect.stringMatching(/^its owner is .*, want 12345:0$/),
      'same',
    ]);
  });

  it('may be owned by name or by number', async () => {
    await put([file('a')]);
    const names = (await here().run({ argv: ['stat', '--format=%U:%G', join(directory(), 'a')] })).stdout.trim();
    expect(await statesOf([{ ...file('a'), owner: names }])).toEqual(['same']);
    expect(await statesOf([{ ...file('a'), owner: 'nobody:nogroup' }])).toEqual([`its owner is ${names}, want nobody:nogroup`]);
  });

  it.each(['with space', "quote'd", 'line\nfeed', 'tab\there', 'back\\slash', '-dash', 'ümlaut', '$(touch x)'])(
    'may be called %j',
    async (name) => {
      const files = [file(name)];
      expect(await statesOf(files)).toEqual(['absent']);
      await put(files);
      expect(await readFile(join(directory(), name), 'utf8')).toBe('text\n');
      expect(await statesOf(files)).toEqual(['same']);
    },
  );

  it('keep bytes that are no text', async () => {
    const bytes = Uint8Array.from([0, 255, 10, 128]);
    await put([file('binary', bytes)]);
    expect(await readFile(join(directory(), 'binary'))).toEqual(Buffer.from(bytes));
  });

  it('replace a link, and are not read through one', async () => {
    await writeFile(join(directory(), 'target'), 'text\n', { mode: 0o640 });
    await symlink('target', join(directory(), 'link'));
    expect(await statesOf([file('link')])).toEqual(['it is a link']);
    await put([file('link', 'new\n')]);
    expect(await readFile(join(directory(), 'target'), 'utf8')).toBe('text\n');
    expect(await readFile(join(directory(), 'link'), 'utf8')).toBe('new\n');
  });

  it('are not looked for in a pipe that somebody put there', async () => {
    await here().run({ argv: ['mkfifo', join(directory(), 'pipe')] });
    expect(await statesOf([file('pipe')])).toEqual(['it is no regular file']);
  });

  it('that are as wanted are not written again', async () => {
    await put([file('a')]);
    expect(await put([file('a'), file('b')])).toEqual([join(directory(), 'b')]);
  });

  it('whose bytes are not known yet are written', async () => {
    const unknown = { ...file('a'), content: { digest: undefined, read: async () => 'made now\n' } };
    expect(await statesOf([unknown])).toEqual(['absent']);
    await put([unknown]);
    expect(await readFile(join(directory(), 'a'), 'utf8')).toBe('made now\n');
    expect(await statesOf([unknown])).toEqual(['its content differs']);
  });
});

describe('what a host says of its paths', () => {
  const told = async (stdout: string): Promise<readonly unknown[]> => {
    const host = { ...here(), run: async () => ({ exitCode: 0, stdout, stderr: '' }) };
    return [...(await inspectPaths(host, { files: ['/a'] }, signal))];
  };
  const state = { mode: '644', owners: ['root:root', '0:0'], kind: 'link' };

  it('is a mode, two forms of an owner and a kind, then the path, which may have any letter', async () => {
    expect(await told('644 root:root 0:0 link\t/a\tb \n\0')).toEqual([['/a\tb \n', state]]);
    expect(await told('644 root:root 0:0 link\t/a\0' + '644 root:root 0:0 link\t/b\0')).toEqual([
      ['/a', state],
      ['/b', state],
    ]);
  });

  it.each(['', '\0', '/a\0', '\t/a\0', '644\t/a\0', '644 root:root\t/a\0', '644 root:root 0:0\t/a\0', '644 root:root 0:0 link /a\0'])(
    'is nothing where it is cut: %j',
    async (stdout) => {
      expect(await told(stdout)).toEqual([]);
    },
  );
});

describe('directories', () => {
  const spec: DirectorySpec = { mode: 0o710, owner };

  async function stateOf(key: string, wanted = spec): Promise<string | undefined> {
    const [found] = await directoryKind.look(here(), [{ key, spec: wanted }], context);
    return found?.state;
  }

  it('differ in mode, keep what they hold, and may be links to another disk', async () => {
    const key = join(directory(), 'data');
    await mkdir(join(directory(), 'disk'), { mode: 0o755 });
    await writeFile(join(directory(), 'disk/kept'), 'kept');
    await symlink('disk', key);
    expect(await stateOf(key)).toBe('different');
    await directoryKind.ensure(here(), [{ key, spec, replaces: false }], context);
    expect(await stateOf(key)).toBe('same');
    expect(await readFile(join(key, 'kept'), 'utf8')).toBe('kept');
  });

  it('above others of ours keep their mode', async () => {
    const key = join(directory(), 'above');
    await mkdir(key, { mode: 0o700 });
    expect(await stateOf(key, { ...spec, isParent: true })).toBe('same');
  });

  it('differ when a file stands there, and say so when it is in the way', async () => {
    const key = join(directory(), 'data');
    await writeFile(key, '');
    expect(await stateOf(key)).toBe('different');
    await expect(directoryKind.ensure(here(), [{ key, spec, replaces: false }], context)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });

  it('go only when they are empty, unless what they hold is ours, or data that are purged', async () => {
    const [plain, ours, data] = ['plain', 'ours', 'data'].map((name) => join(directory(), name));
    for (const path of [plain, ours, data]) {
      await mkdir(path ?? '');
      await writeFile(join(path ?? '', 'file'), '');
    }
    const owned = [
      { kind: 'directory', key: plain ?? '', owner: 'a' },
      { kind: 'directory', key: ours ?? '', owner: 'a', details: { contents: 'ours' } },
      { kind: 'directory', key: data ?? '', owner: 'a', data: true, details: { contents: 'data' } },
    ];
    await directoryKind.remove(here(), owned, context, { purge: false });
    expect([await stateOf(plain ?? ''), await stateOf(ours ?? ''), await stateOf(data ?? '')]).toEqual([
      'different',
      'absent',
      'different',
    ]);
    await directoryKind.remove(here(), owned, context, { purge: true });
    expect([await stateOf(plain ?? ''), await stateOf(data ?? '')]).toEqual(['different', 'absent']);
  });
});
