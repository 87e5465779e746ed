import { digestOf } from '../../src/core/index.ts';
import { newSiteRecord, type HostRecord, type SiteRecord } from '../../src/site/index.ts';

const RELEASE = digestOf('a release');

/** A record with something in every field. */
export function sampleRecord(changes: Partial<SiteRecord> = {}): SiteRecord {
  return {
    ...newSiteRecord({ id: 'id-1', name: 'lab', seed: 'm1' }),
    revision: 3,
    authorities: { site: 'AA:BB' },
    secrets: ['store-root'],
    settings: { 'network.podCIDR': '10.244.0.0/16' },
    components: { store: { release: RELEASE } },
    placements: { store: ['m1'], web: ['m1', 'f1'] },
    joined: { web: ['f1'] },
    values: { 'store/m1/members': 'm1' },
    hosts: {
      m1: {
        address: '10.0.0.11',
        roles: ['manage'],
        ssh: { user: 'ops', port: 2222 },
        owned: [
          { kind: 'file', key: '/etc/a', owner: 'store', digest: RELEASE, before: 'other' },
          { kind: 'directory', key: '/data', owner: 'store', data: true, kept: true, details: { mode: '0700' } },
        ],
      },
      f1: { address: '10.0.0.12', roles: ['front'], owned: [] },
    },
    actions: [{ component: 'store', action: 'seed', host: 'm1', release: RELEASE, time: '2026-01-01T00:00:00.000Z' }],
    operations: [
      {
        run: 'r1',
        operation: 'install',
        bundle: { name: 'sample', version: '1.2', digest: RELEASE },
        started: '2026-01-01T00:00:00.000Z',
        ended: '2026-01-01T00:01:00.000Z',
        outcome: 'done',
      },
    ],
    ...changes,
  };
}

/** The record that a host of the sample site keeps. */
export function sampleHostRecord(changes: Partial<HostRecord> = {}): HostRecord {
  return {
    apiVersion: 'caisson/v1',
    kind: 'HostRecord',
    site: { id: 'id-1', name: 'lab', seed: 'm1', authorities: { site: 'AA:BB' } },
    host: 'm1',
    address: '10.0.0.11',
    roles: ['manage'],
    placements: ['store'],
    joined: [],
    values: {},
    releases: {},
    owned: [],
    ...changes,
  };
}
