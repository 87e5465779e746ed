import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { silent } from '../../src/core/index.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { aptMachine, writeFiles, type AptMachine, type DebFields } from '../support/apt-machine.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const options = { signal: new AbortController().signal, emit: silent };

let machine: AptMachine | undefined;
afterEach(async () => {
  await machine?.close();
  machine = undefined;
});

const BUNDLE: readonly DebFields[] = [
  {
    Package: 'docker.io',
    Version: '20.10.24',
    Depends: 'containerd (>= 1.4~), runc (>= 1.0.0~rc8~)',
    Recommends: 'jq',
    Suggests: 'conntrack',
  },
  { Package: 'containerd', Version: '1.6.20' },
  { Package: 'runc', Version: '1.1.5' },
  { Package: 'jq', Version: '1.6' },
  { Package: 'conntrack', Version: '1.4.7' },
];

async function start(scripts: Readonly<Record<string, string>> = {}): Promise<AptMachine> {
  machine = await aptMachine(directory(), BUNDLE, scripts);
  return machine;
}

async function install({ host, access }: AptMachine, names: readonly string[], recommends = false): Promise<void> {
  await aptManager.refresh(host, access, options);
  await aptManager.install(host, names, { ...options, recommends });
}

async function installed({ tool }: AptMachine): Promise<readonly string[]> {
  const lines = await tool('dpkg-query', '--show', '--showformat=${db:Status-Abbrev} ${Package} ${Version}\\n');
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** Every file below a directory with its content and time of change. */
async function treeOf(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return Promise.all(files.sort().map(async (file) => `${file} ${(await stat(file)).mtimeMs}\n${await readFile(file, 'utf8')}`));
}

describe('a removal, by the real apt and dpkg', () => {
  const nfs: readonly DebFields[] = [
    { Package: 'nfs-common', Version: '2.6', Depends: 'python3, rpcbind, keyutils' },
    { Package: 'python3', Version: '3.11' },
    { Package: 'rpcbind', Version: '1.2' },
    { Package: 'keyutils', Version: '1.6' },
  ];

  it('takes what came along, though others of the host suggest or recommend it, and leaves what the host had', async () => {
    machine = await aptMachine(directory(), nfs);
    await machine.install({ Package: 'iproute2', Version: '6.1', Suggests: 'python3', Recommends: 'rpcbind, keyutils' });
    await machine.install({ Package: 'keyutils', Version: '1.6' });
    await machine.tool('apt-mark', 'auto', 'keyutils');
    const before = await installed(machine);
    await install(machine, ['nfs-common']);
    expect(await installed(machine)).toHaveLength(before.length + 3);
    expect(await readFile(join(directory(), 'state/packages-along'), 'utf8')).toBe('nfs-common\npython3\nrpcbind\n');
    await aptManager.remove(machine.host, ['nfs-common'], { ...options, purge: true });
    expect(await installed(machine)).toEqual(before);
    await expect(readFile(join(directory(), 'state/packages-along'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves what came along and a package that came later needs, until that is gone', async () => {
    machine = await aptMachine(directory(), [...nfs, { Package: 'scripts', Version: '1', Depends: 'python3' }]);
    await install(machine, ['nfs-common']);
    await machine.install({ Package: 'report', Version: '1', Depends: 'python3' });
    await aptManager.remove(machine.host, ['nfs-common'], { ...options, purge: true });
    expect(await installed(machine)).toEqual(['ii  python3 3.11', 'ii  report 1']);
  });
});

describe('an install on a host with settings of its own, by the real apt and dpkg', () => {
  it('takes its packages from the depot, obeys no setting of the host, and leaves them as they are', async () => {
    const own = await start();
    const mark = join(directory(), 'hook-ran');
    await writeFiles(own.root, {
      '/etc/apt/apt.conf': 'APT::Install-Recommends "true";\n',
      '/etc/apt/apt.conf.d/99site': [
        'APT::Default-Release "stable";',
        'APT::Install-Suggests "true";',
        'APT::Get::Only-Source "true";',
        'APT::Get::Download-Only "true";',
        'Acquire::http::Proxy-Auto-Detect "/bin/false";',
        'Acquire::https::Proxy-Auto-Detect "/bin/false";',
        'Acquire::https::Proxy::localhost "http://127.0.0.1:9";',
        'Acquire::https::localhost::CaInfo "/dev/null";',
        'Dir::Cache::archives "/nowhere";',
        `DPkg::Pre-Invoke { "touch ${mark}"; };`,
        `DPkg::Pre-Install-Pkgs { "touch ${mark}"; };`,
        `APT::Update::Pre-Invoke { "touch ${mark}"; };`,
        '',
      ].join('\n'),
      '/etc/apt/preferences': 'Package: *\nPin: release o=Caisson\nPin-Priority: -1\n',
      '/etc/apt/preferences.d/broken': 'no preference\n',
      '/etc/apt/sources.list': 'deb http://127.0.0.1:9/debian bookworm main\n',
      '/etc/apt/sources.list.d/broken.list': 'deb nothing\n',
      '/etc/apt/auth.conf': 'machine localhost login somebody password secret\n',
    });
    const before = await treeOf(join(own.root, 'etc/apt'));
    await install(own, ['docker.io']);
    expect(await installed(own)).toEqual(['ii  containerd 1.6.20', 'ii  docker.io 20.10.24', 'ii  runc 1.1.5']);
    await expect(stat(mark)).rejects.toThrow('ENOENT');
    expect(await treeOf(join(own.root, 'etc/apt'))).toEqual(before);
  });

  it('takes along what packages recommend where a set wants it, and never what they suggest', async () => {
    const own = await start();
    await install(own, ['docker.io'], true);
    expect((await installed(own)).map((line) => line.split(' ')[2])).toEqual(['containerd', 'docker.io', 'jq', 'runc']);
  });

  it('keeps a package that is newer than the bundle has it', async () => {
    const own = await start();
    await own.install({ Package: 'jq', Version: '1.7' });
    await install(own, ['jq']);
    expect(await installed(own)).toEqual(['ii  jq 1.7']);
  });

  it.each<[string, DebFields, string]>([
    [
      'would remove a package of a vendor',
      { Package: 'containerd.io', Version: '1.6.33', Conflicts: 'containerd, runc', Provides: 'containerd, runc' },
      'Packages need to be removed but remove is disabled',
    ],
    ['would change a held package', { Package: 'runc', Version: '1.0' }, 'Held packages were changed'],
  ])('fails where it %s, and changes nothing', async (_, present, reason) => {
    const own = await start();
    await own.install(present);
    if (present.Package === 'runc') await own.tool('/bin/sh', '-c', 'echo runc hold | dpkg --set-selections');
    const before = await installed(own);
    const names = present.Package === 'runc' ? ['docker.io', 'runc'] : ['docker.io'];
    await expect(install(own, names)).rejects.toMatchObject({ code: 'COMMAND_FAILED', stderr: expect.stringContaining(reason) });
    expect(await installed(own)).toEqual(before);
  });
});

describe('packages whose installation was interrupted, by the real apt and dpkg', () => {
  it('are found by the probe, and mended before the next install', async () => {
    const own = await start();
    await own.install({ Package: 'jq', Version: '1.0' });
    await aptManager.refresh(own.host, own.access, options);
    const file = join(directory(), 'made/docker.io-20.10.24.deb');
    await own.tool('dpkg', '--unpack', file);
    expect(await own.tool('/bin/sh', '-c', aptManager.probe.broken)).toBe('broken docker.io\n');
    await aptManager.recover(own.host, options);
    expect(await own.tool('/bin/sh', '-c', aptManager.probe.broken)).toBe('');
    expect(await installed(own)).toEqual(['ii  containerd 1.6.20', 'ii  docker.io 20.10.24', 'ii  jq 1.0', 'ii  runc 1.1.5']);
  });

  it('are waited for while another process works on them', async () => {
    const [begun, go] = [join(directory(), 'begun'), join(directory(), 'go')];
    const own = await start({ 'slow/preinst': `#!/bin/sh\ntouch ${begun}\nwhile [ ! -e ${go} ]; do sleep 0.1; done\n` });
    await aptManager.refresh(own.host, own.access, options);
    const other = own.install({ Package: 'slow', Version: '1.0' });
    await vi.waitFor(() => stat(begun), { timeout: 60_000 });
    const notes: string[] = [];
    await aptManager.install(own.host, ['jq'], {
      ...options,
      recommends: false,
      emit: (event) => void (event.type === 'note' && notes.push(event.message)),
      // The other process ends during the first wait.
      sleep: async () => {
        await writeFile(go, '');
        await other;
      },
    });
    expect(notes).toEqual(['Waiting on here until another process is done with its packages']);
    expect(await installed(own)).toEqual(['ii  jq 1.6', 'ii  slow 1.0']);
  });
});
