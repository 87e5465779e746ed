import { describe, expect, it } from 'vitest';
import type { BundleRepository } from '../../src/bundle/index.ts';
import { aptFiles, aptGet } from '../../src/install/apt-access.ts';

const REPOSITORY: BundleRepository = {
  id: 'debian-12',
  type: 'apt',
  path: 'apt/debian-12',
  codename: 'bookworm',
  architectures: ['amd64', 'arm64'],
  components: ['main', 'extra'],
  packages: [],
};
const FILES = aptFiles(REPOSITORY, { name: 'depot.lab.internal', address: '10.0.0.11', port: 5443 }, 'PUBLIC KEY\n');

function contentOf(path: string): string {
  return String(FILES.find((file) => file.path === path)?.content);
}

describe('aptFiles', () => {
  it('stay beside the configuration of the host', () => {
    expect(FILES.map(({ path }) => path)).toEqual([
      '/etc/caisson/apt/repository.asc',
      '/etc/caisson/apt/sources.list',
      '/etc/caisson/apt/apt.conf',
    ]);
    for (const { mode, owner } of FILES) expect([mode, owner]).toEqual([0o644, undefined]);
  });

  it('name the depot alone, and the key that must have signed', () => {
    expect(contentOf('/etc/caisson/apt/sources.list')).toBe(
      'deb [arch=amd64,arm64 signed-by=/etc/caisson/apt/repository.asc] https://depot.lab.internal:5443/apt/debian-12 bookworm main extra\n',
    );
    expect(contentOf('/etc/caisson/apt/repository.asc')).toBe('PUBLIC KEY\n');
  });

  it('trust nothing that is not signed, and no authority but that of the site', () => {
    const text = contentOf('/etc/caisson/apt/apt.conf');
    expect(text).toContain('Acquire::https::CaInfo "/etc/caisson/pki/ca.crt";');
    expect(text).toContain('APT::Get::AllowUnauthenticated "false";');
    expect(`${text}${contentOf('/etc/caisson/apt/sources.list')}`).not.toMatch(/trusted=yes|allow-insecure|Verify-(Peer|Host) "false"/);
  });
});

describe('aptGet', () => {
  it('uses that configuration, asks nothing, and speaks English', () => {
    const { argv, env } = aptGet('install', 'docker.io');
    expect(argv).toEqual(['apt-get', '--config-file=/etc/caisson/apt/apt.conf', '--quiet', '--assume-yes', 'install', 'docker.io']);
    expect(env).toMatchObject({ DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' });
  });
});
