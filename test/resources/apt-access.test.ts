import { describe, expect, it } from 'vitest';
import type { BundleRepository } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { aptAccess, aptDownload, aptGet } from '../../src/resources/packages/apt/access.ts';

const REPOSITORY = {
  id: 'debian-12',
  type: 'apt',
  path: 'apt/debian-12',
  codename: 'bookworm',
  architectures: ['amd64', 'arm64'],
  components: ['main', 'extra'],
  packages: [],
} as const satisfies BundleRepository;
function keyOf(text: string) {
  return { digest: digestOf(text), read: async () => text };
}

const access = () =>
  aptAccess({ repository: REPOSITORY, depot: 'https://depot.lab.internal:5443', key: keyOf('PUBLIC KEY\n'), vendorKeys: [] });

async function contentOf(path: string): Promise<string> {
  return String(
    await access()
      .files.find((file) => file.path === path)
      ?.content.read(),
  );
}

describe('aptAccess', () => {
  it('stays beside the configuration of the host, which is not changed', () => {
    expect(access().files.map(({ path }) => path)).toEqual([
      '/etc/caisson/apt/repository.asc',
      '/etc/caisson/apt/sources.list',
      '/etc/caisson/apt/apt.conf',
    ]);
    for (const { mode, owner } of access().files) expect([mode, owner]).toEqual([0o644, undefined]);
  });

  it('names the depot alone, and the key that must have signed', async () => {
    expect(await contentOf('/etc/caisson/apt/sources.list')).toBe(
      'deb [arch=amd64,arm64 signed-by=/etc/caisson/apt/repository.asc] https://depot.lab.internal:5443/apt/debian-12 bookworm main extra\n',
    );
    expect(await contentOf('/etc/caisson/apt/repository.asc')).toBe('PUBLIC KEY\n');
  });

  it('trusts nothing that is not signed, and no authority but that of the site', async () => {
    const text = await contentOf('/etc/caisson/apt/apt.conf');
    expect(text).toContain('Acquire::https::CaInfo "/etc/caisson/pki/ca.crt";');
    expect(text).toContain('APT::Get::AllowUnauthenticated "false";');
    expect(`${text}${await contentOf('/etc/caisson/apt/sources.list')}`).not.toMatch(
      /trusted=yes|allow-insecure|Verify-(Peer|Host) "false"/,
    );
  });
});

describe('metadata of aptAccess', () => {
  it('are looked for where apt keeps them', () => {
    const { metadata } = aptAccess({
      repository: { ...REPOSITORY, path: 'apt/debian_12' },
      depot: 'https://depot.lab.internal:5443',
      key: keyOf(''),
      vendorKeys: [],
    });
    expect(metadata).toBe('/var/lib/caisson/apt/lists/depot.lab.internal:5443_apt_debian%5f12_dists_bookworm_InRelease');
  });
});

describe('aptGet', () => {
  it('uses that configuration, asks nothing, and speaks English', () => {
    const { argv, env } = aptGet('install', 'docker.io');
    expect(argv).toEqual(['apt-get', '--quiet', '--assume-yes', 'install', 'docker.io']);
    expect(env).toMatchObject({ APT_CONFIG: '/etc/caisson/apt/apt.conf', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' });
  });
});

describe('aptDownload', () => {
  it('names the digest, and writes as root', () => {
    const { argv, env } = aptDownload('https://depot/a', '/opt/a', 'abc');
    expect(env).toMatchObject({ APT_CONFIG: '/etc/caisson/apt/apt.conf' });
    expect(argv).toEqual([
      '/usr/lib/apt/apt-helper',
      '--option',
      'APT::Sandbox::User=root',
      'download-file',
      'https://depot/a',
      '/opt/a',
      'SHA256:abc',
    ]);
  });
});
