import { access, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BundleRepository } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { openLocalHost, runChecked } from '../../src/host/index.ts';
import { aptManager } from '../../src/resources/packages/apt/apt-manager.ts';
import { aptAccess } from '../../src/resources/packages/apt/access.ts';
import { removedPackages } from '../../src/resources/packages/apt/remove-packages.ts';
import { privateApt } from '../support/private-apt.ts';
import { relocatedHost } from '../support/relocated-host.ts';
import { Installer } from '../support/simulated-machine.ts';
import { startTlsServer, testAuthority } from '../support/test-certificates.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

const REPOSITORY = {
  id: 'debian-12',
  type: 'apt',
  path: 'apt/debian-12',
  codename: 'bookworm',
  architectures: ['amd64'],
  components: ['main'],
  packages: [],
} as const satisfies BundleRepository;

async function configText(): Promise<string> {
  const key = { digest: digestOf(''), read: async () => '' };
  const { files } = aptAccess({ repository: REPOSITORY, depot: 'https://depot.lab.internal:5443', key, vendorKeys: [] });
  return String(await files.find(({ path }) => path.endsWith('apt.conf'))?.content.read());
}

describe('our apt configuration, as apt reads it', () => {
  it('has our settings, and none of a file of the host', async () => {
    const own = join(directory(), 'own.conf');
    await writeFile(own, await configText());
    const dump = async (env: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const { stdout, stderr } = await runChecked(openLocalHost({ name: 'here' }), { argv: ['apt-config', 'dump'], env });
      expect(stderr).toBe('');
      return stdout.split('\n');
    };
    const settings = await dump({ APT_CONFIG: own });
    for (const line of [
      'Dir::Etc::sourcelist "/etc/caisson/apt/sources.list";',
      'Dir::Etc::sourceparts "/dev/null";',
      'Dir::State::lists "/var/lib/caisson/apt/lists";',
      'Acquire::http::Proxy "DIRECT";',
      'Acquire::https::Proxy "DIRECT";',
      'Acquire::https::Verify-Peer "true";',
      'Acquire::https::CaInfo "/etc/caisson/pki/ca.crt";',
      'APT::Get::AllowUnauthenticated "false";',
      'APT::Install-Recommends "false";',
      'APT::Install-Suggests "false";',
    ]) {
      expect(settings).toContain(line);
      const name = line.split(' ')[0] ?? '';
      expect(settings.filter((setting) => setting.startsWith(`${name} `))).toEqual([line]);
    }
    expect(settings.filter((setting) => setting.startsWith('DPkg::Options::'))).toEqual([
      'DPkg::Options:: "--force-confdef";',
      'DPkg::Options:: "--force-confold";',
    ]);
    // The package apt brings this list in a file of the host.
    const isOfHost = (setting: string): boolean => setting.startsWith('APT::NeverAutoRemove');
    expect(settings.filter(isOfHost)).toEqual([]);
    expect((await dump({})).some(isOfHost)).toBe(true);
  });
});

describe('download by apt', () => {
  const { uid, gid } = userInfo();
  const owner = `${uid}:${gid}`;
  const signal = new AbortController().signal;

  /** A host with our configuration, and a depot whose certificate an authority has issued; the host trusts that or another. */
  async function depot(isTrusted: boolean) {
    const authority = await testAuthority();
    const trusted = isTrusted ? authority : await testAuthority();
    const server = await startTlsServer(await authority.issue(['localhost']), (_request, response) => response.end('program'));
    const places = { '/etc/caisson': join(directory(), 'caisson'), '/var/lib/caisson': join(directory(), 'state') };
    await mkdir(join(places['/etc/caisson'], 'apt'), { recursive: true });
    await mkdir(join(places['/etc/caisson'], 'pki'));
    await mkdir(join(places['/var/lib/caisson'], 'apt/lists/partial'), { recursive: true });
    const text = Object.entries(places).reduce((one, [from, to]) => one.replaceAll(from, to), await configText());
    await writeFile(join(places['/etc/caisson'], 'apt/apt.conf'), `${text}Acquire::Retries "0";\n`);
    await writeFile(join(places['/etc/caisson'], 'pki/ca.crt'), trusted.cert);
    const host = relocatedHost(openLocalHost({ name: 'here' }), { places, installer: new Installer() });
    return { host, server, url: `https://localhost:${server.port}/files/program` };
  }

  it('takes a file with its digest from a depot with a certificate of our authority, then gives it owner, mode and name', async () => {
    const { host, server, url } = await depot(true);
    const path = join(directory(), 'new/program');
    await aptManager.download(host, { url, path, digest: digestOf('program'), mode: 0o750, owner }, signal);
    expect(await readFile(path, 'utf8')).toBe('program');
    expect((await stat(path)).mode & 0o7777).toBe(0o750);
    await server.close();
  });

  it.each([
    ['another digest', true, 'other'],
    ['a certificate of another authority', false, 'program'],
  ])('refuses a file with %s, and leaves its place free', async (_, isTrusted, content) => {
    const { host, server, url } = await depot(isTrusted);
    const path = join(directory(), 'program');
    const work = aptManager.download(host, { url, path, digest: digestOf(content), mode: 0o755, owner }, signal);
    await expect(work).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    await expect(access(path)).rejects.toThrow('ENOENT');
    await server.close();
  });
});

describe('simulations of apt', () => {
  it('say which packages go, as we read them', async () => {
    const apt = privateApt(directory(), '');
    const record = (name: string, depends?: string): string =>
      [
        `Package: ${name}`,
        'Status: install ok installed',
        'Version: 1:1.0-1~x',
        'Architecture: amd64',
        'Maintainer: a <a@example>',
        'Description: a',
        ...(depends === undefined ? [] : [`Depends: ${depends}`]),
        '\n',
      ].join('\n');
    await writeFile(
      join(directory(), 'status'),
      [record('jq', 'libjq1'), record('libjq1'), record('needless'), record('report', 'jq')].join(''),
    );
    const automatic = ['libjq1', 'needless'].map((name) => `Package: ${name}\nArchitecture: amd64\nAuto-Installed: 1\n\n`);
    await writeFile(join(directory(), 'state/extended_states'), automatic.join(''));
    const removed = async (...words: string[]): Promise<readonly string[]> =>
      [...removedPackages((await apt.get('--quiet', '--assume-yes', ...words, '--simulate')).stdout)].sort();
    expect(await removed('autoremove')).toEqual(['needless']);
    expect(await removed('remove', 'jq')).toEqual(['jq', 'report']);
    expect(await removed('remove', '--auto-remove', 'jq')).toEqual(['jq', 'libjq1', 'needless', 'report']);
    expect(await removed('purge', 'jq')).toEqual(['jq', 'report']);
  });
});
