import { describe, expect, it } from 'vitest';
import { digestOf, hexOf } from '../../src/core/index.ts';
import {
  depotTlsPaths,
  executablePath,
  operatorPaths,
  REAL_MACHINES,
  repositoryKeyPaths,
  seedLayout,
  stagedBundleName,
} from '../../src/site/index.ts';

describe('seedLayout', () => {
  it('is where every version has looked for the files of a seed', () => {
    expect(seedLayout()).toEqual({
      bundles: '/var/lib/caisson/bundles',
      journal: '/var/lib/caisson/journal.jsonl',
      record: '/var/lib/caisson/site.json',
      secrets: '/var/lib/caisson/secrets',
      certificates: '/var/lib/caisson/certificates',
      authorities: '/var/lib/caisson/authorities',
      pki: '/etc/caisson/pki',
      depot: '/etc/caisson/depot',
      lastBackup: '/var/lib/caisson/last-backup.json',
      lastRenewal: '/var/lib/caisson/last-renewal.json',
      lock: 'caisson-install',
    });
    expect(seedLayout(REAL_MACHINES.seedRoot)).toEqual(seedLayout('/'));
  });

  it('is below another root, with a lock of its own, for whoever simulates a seed', () => {
    expect(seedLayout('/tmp/seed')).toMatchObject({ record: '/tmp/seed/var/lib/caisson/site.json', lock: 'caisson-install /tmp/seed' });
  });

  it('has the keys and certificates of the depot and of operators', () => {
    const layout = seedLayout();
    expect(repositoryKeyPaths(layout)).toEqual({
      privateKey: '/etc/caisson/depot/repository.key',
      publicKey: '/etc/caisson/depot/repository.asc',
    });
    expect(depotTlsPaths(layout)).toEqual({ certificate: '/etc/caisson/depot/tls.crt', key: '/etc/caisson/depot/tls.key' });
    expect(operatorPaths(layout)).toEqual({
      authority: '/etc/caisson/pki/ca.crt',
      certificate: '/etc/caisson/pki/operator.crt',
      key: '/etc/caisson/pki/operator.key',
    });
  });
});

describe('the names of what a bundle brings', () => {
  it('tell versions apart, and bundles of the same version', () => {
    const bundleDigest = digestOf('a bundle');
    expect(stagedBundleName({ manifest: { name: 'sample', version: '1.2' }, bundleDigest })).toBe(
      `sample-1.2-${hexOf(bundleDigest).slice(0, 12)}.tar`,
    );
    expect(executablePath('arm64')).toBe('caisson-linux-arm64');
  });
});
