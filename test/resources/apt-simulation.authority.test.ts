import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { gzip, TAR_END } from '../../src/io/index.ts';
import { aptSimulator, SIMULATION_SCRIPT } from '../../src/resources/packages/apt/simulation.ts';
import { hostWithPackages, simulationRequest, type ControlFields } from '../support/apt-host.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const signal = new AbortController().signal;

const NFS = '1:2.6.2-4+deb12u1';
/** The relations are those of the packages of Debian 12. */
const BUNDLE: readonly ControlFields[] = [
  { Package: 'docker.io', Version: '20.10.24+dfsg1-1', Depends: 'containerd (>= 1.4~), runc (>= 1.0.0~rc8~)', Recommends: 'jq' },
  { Package: 'containerd', Version: '1.6.20~ds1-1', Depends: 'runc (>= 1.0.0~rc2)' },
  { Package: 'runc', Version: '1.1.5+ds1-1' },
  { Package: 'jq', Version: '1.6-2.1' },
  { Package: 'conntrack', Version: '1:1.4.7-1' },
  { Package: 'libnfsidmap1', Version: NFS },
  { Package: 'nfs-common', Version: NFS, Depends: `libnfsidmap1 (= ${NFS})` },
  { Package: 'chrony', Version: '4.3-2', Provides: 'time-daemon', Conflicts: 'time-daemon', Replaces: 'time-daemon' },
];

async function simulate(installed: readonly ControlFields[], names: readonly string[], recommends = false) {
  const simulator = await aptSimulator(simulationRequest(BUNDLE));
  return simulator(
    await hostWithPackages(directory(), installed),
    names.map((name) => ({ name, recommends })),
    signal,
  );
}

describe('a simulated install, by the real apt-get', () => {
  it('says what comes on a bare host, and leaves nothing behind', async () => {
    const simulation = await simulate([], ['docker.io']);
    expect(simulation).toEqual({
      installs: [
        { name: 'runc', version: '1.1.5+ds1-1' },
        { name: 'containerd', version: '1.6.20~ds1-1' },
        { name: 'docker.io', version: '20.10.24+dfsg1-1' },
      ],
      upgrades: [],
      problems: [],
    });
    expect(await readdir(join(directory(), 'temporary'))).toEqual([]);
  });

  it('takes recommended packages along where the set wants them', async () => {
    const { installs } = await simulate([], ['docker.io'], true);
    expect(installs.map(({ name }) => name).sort()).toEqual(['containerd', 'docker.io', 'jq', 'runc']);
  });

  it('upgrades an older package, and leaves a newer one as it is', async () => {
    expect(await simulate([{ Package: 'jq', Version: '1.5' }], ['jq'])).toEqual({
      installs: [],
      upgrades: [{ name: 'jq', before: '1.5', version: '1.6-2.1' }],
      problems: [],
    });
    expect(await simulate([{ Package: 'jq', Version: '1.7' }], ['jq'])).toEqual({ installs: [], upgrades: [], problems: [] });
  });

  it.each<[string, readonly ControlFields[], readonly string[], RegExp, RegExp]>([
    [
      'a package of a vendor that conflicts',
      [
        {
          Package: 'containerd.io',
          Version: '1.6.33-1',
          Maintainer: 'Containerd team <help@containerd.io>',
          Conflicts: 'containerd, runc',
          Provides: 'containerd, runc',
          Replaces: 'containerd, runc',
        },
      ],
      ['docker.io'],
      /^installing the packages of the bundle would remove containerd\.io 1\.6\.33-1 of "Containerd team <help@containerd\.io>": it conflicts with runc, containerd$/,
      /apt-get remove containerd\.io/,
    ],
    [
      'a package that needs another one as it was',
      [
        { Package: 'nfs-kernel-server', Version: '1:2.6.2-4', Depends: 'nfs-common (= 1:2.6.2-4)' },
        { Package: 'nfs-common', Version: '1:2.6.2-4', Depends: 'libnfsidmap1 (= 1:2.6.2-4)' },
        { Package: 'libnfsidmap1', Version: '1:2.6.2-4' },
      ],
      ['nfs-common'],
      /would remove nfs-kernel-server 1:2\.6\.2-4 .*: it needs nfs-common \(= 1:2\.6\.2-4\), and nfs-common comes in 1:2\.6\.2-4\+deb12u1/,
      /name it in a package set/,
    ],
    [
      'a package that stands for the same thing',
      [{ Package: 'ntpsec', Version: '1.2.2', Provides: 'time-daemon', Conflicts: 'time-daemon', Replaces: 'time-daemon' }],
      ['chrony'],
      /would remove ntpsec 1\.2\.2/,
      /apt-get remove ntpsec/,
    ],
    [
      'a held package that is older',
      [{ Package: 'conntrack', Version: '1:1.4.6-1', Status: 'hold ok installed' }],
      ['conntrack'],
      /^conntrack is held at 1:1\.4\.6-1, and the packages of the bundle need 1:1\.4\.7-1$/,
      /apt-mark unhold conntrack/,
    ],
    [
      'a held package that a wanted one needs in a newer version',
      [{ Package: 'runc', Version: '0.9', Status: 'hold ok installed' }],
      ['docker.io'],
      /refuse the packages of the bundle: .*runc \(>= .*\) but 0\.9 is to be installed/,
      /apt-mark unhold runc/,
    ],
    [
      'a library that is newer than the bundle has it',
      [{ Package: 'libnfsidmap1', Version: '1:2.6.4-1~bpo12+1' }],
      ['nfs-common'],
      /nfs-common : Depends: libnfsidmap1 \(= 1:2\.6\.2-4\+deb12u1\) but 1:2\.6\.4-1~bpo12\+1 is to be installed/,
      /The host has libnfsidmap1 1:2\.6\.4-1~bpo12\+1, which the bundle has in another version/,
    ],
    [
      'a package whose needs the host does not meet',
      [{ Package: 'own', Version: '1', Depends: 'missing' }],
      ['jq'],
      /own : Depends: missing but it is not installable/,
      /apt-get --fix-broken install/,
    ],
  ])('reports %s', async (_, installed, names, problem, remedy) => {
    const { problems } = await simulate(installed, names);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.problem).toMatch(problem);
    expect(problems[0]?.remedy).toMatch(remedy);
  });

  it('lets half-installed packages be, which a run mends before it installs', async () => {
    const half = { Package: 'own', Version: '1', Status: 'install ok unpacked', Depends: 'missing' };
    expect((await simulate([half], ['jq'])).problems).toEqual([]);
  });

  it('leaves nothing behind where it is stopped', async () => {
    const temporary = join(directory(), 'temporary');
    const [begun, programs] = [join(directory(), 'begun'), join(directory(), 'programs')];
    for (const path of [temporary, programs]) await mkdir(path);
    await writeFile(join(programs, 'apt-get'), `#!/bin/sh\ntouch ${begun}\nexec sleep 60\n`, { mode: 0o755 });
    const script = SIMULATION_SCRIPT.replace('PATH=', `PATH=${programs}:`);
    const child = spawn('/bin/sh', ['-c', script, 'sh', '', '', '', 'jq', ''], {
      env: { ...process.env, TMPDIR: temporary },
      detached: true,
    });
    child.stdin.end(await emptyArchive());
    const ended = once(child, 'exit');
    await vi.waitFor(() => stat(begun), { timeout: 60_000 });
    expect(await readdir(temporary)).toHaveLength(1);
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    await ended;
    expect(await readdir(temporary)).toEqual([]);
  });
});

async function emptyArchive(): Promise<Buffer> {
  return gzip(Buffer.alloc(TAR_END));
}
