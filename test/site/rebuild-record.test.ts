import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/index.ts';
import { newSiteRecord, rebuildRecord, siteRecordSchema, type FoundHost, type HostRecord, type SeedKeys } from '../../src/site/index.ts';
import { sampleHostRecord } from '../support/sample-site.ts';

const KEYS: SeedKeys = { authorities: { site: 'AA:BB' }, held: { site: ['AA:BB'] }, rotations: {}, secrets: ['store-root'] };
const keeps = (changes: Partial<HostRecord>): FoundHost => {
  const record = sampleHostRecord(changes);
  return { name: record.host, record, hasAgent: true };
};
const RELEASE = digestOf('a release');
const NEW: FoundHost = { name: 'new', record: undefined, hasAgent: false };

describe('rebuildRecord', () => {
  it('makes the record of a site from what its hosts keep and what the seed has', () => {
    const owned = [{ kind: 'file', key: '/a', owner: 'web', data: true }];
    const record = rebuildRecord(
      [
        keeps({ host: 'f1', address: '10.0.0.12', roles: ['front'], placements: ['quorum'], joined: ['quorum'], owned }),
        NEW,
        keeps({ placements: ['store', 'quorum'], values: { 'quorum/m1/members': 'm1' }, releases: { store: RELEASE } }),
      ],
      KEYS,
    );
    expect(record).toEqual({
      ...newSiteRecord({ id: 'id-1', name: 'lab', seed: 'm1' }),
      authorities: { site: 'AA:BB' },
      secrets: ['store-root'],
      placements: { store: ['m1'], quorum: ['m1', 'f1'] },
      joined: { quorum: ['f1'] },
      values: { 'quorum/m1/members': 'm1' },
      components: { store: { release: RELEASE } },
      hosts: {
        m1: { address: '10.0.0.11', roles: ['manage'], owned: [] },
        f1: { address: '10.0.0.12', roles: ['front'], owned },
      },
    });
    expect(siteRecordSchema.parse(record)).toEqual(record);
  });

  it('places a component also where all of its hosts joined it, and the founders before those that joined', () => {
    const hosts = [
      keeps({ host: 'm2', placements: ['store', 'quorum'], joined: ['store', 'quorum'] }),
      keeps({ host: 'm3', placements: ['quorum'], joined: [] }),
    ];
    expect(rebuildRecord(hosts, KEYS)).toMatchObject({
      placements: { store: ['m2'], quorum: ['m3', 'm2'] },
      joined: { store: ['m2'], quorum: ['m2'] },
    });
  });

  it('has the seed that took over last, although not all hosts know it yet', () => {
    const of = (seed: string, seedSince?: string) => ({
      ...sampleHostRecord().site,
      seed,
      ...(seedSince === undefined ? {} : { seedSince }),
    });
    const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'];
    const hosts = [keeps({ site: of('m1') }), keeps({ host: 'f2', site: of('f2', late) }), keeps({ host: 'f3', site: of('f1', early) })];
    expect(rebuildRecord(hosts, KEYS)).toMatchObject({ seed: 'f2', seedSince: late });
    expect(rebuildRecord(hosts.slice(0, 1), KEYS)).not.toHaveProperty('seedSince');
  });

  it.each<readonly [string, readonly FoundHost[], SeedKeys]>([
    ['hosts that keep nothing', [NEW], KEYS],
    ['hosts of two sites', [keeps({}), keeps({ host: 'f1', site: { ...sampleHostRecord().site, id: 'id-2' } })], KEYS],
    ['a seed without the authority', [keeps({})], { ...KEYS, authorities: {}, held: {} }],
    ['a seed with another authority of the same name', [keeps({})], { ...KEYS, authorities: { site: 'CC:DD' }, held: { site: ['CC:DD'] } }],
    [
      'a seed without one of the authorities',
      [keeps({ site: { ...sampleHostRecord().site, authorities: { site: 'AA:BB', etcd: 'EE:FF' } } })],
      KEYS,
    ],
    [
      'a host that names no authority, which anybody could have written',
      [keeps({ site: { ...sampleHostRecord().site, authorities: {} } })],
      KEYS,
    ],
  ])('makes none from %s', (_, hosts, keys) => {
    expect(rebuildRecord(hosts, keys)).toBeUndefined();
  });

  it('is not taken in by the names of what every object has', () => {
    const names = ['constructor', '__proto__', 'toString'];
    const record = rebuildRecord([keeps({ placements: names })], KEYS);
    expect(Object.entries(record?.placements ?? {})).toEqual(names.map((name) => [name, ['m1']]));
  });
});
