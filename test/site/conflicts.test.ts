import { describe, expect, it } from 'vitest';
import {
  changedName,
  changedSettings,
  foreignHosts,
  lostKeys,
  otherSeeds,
  replacedAuthorities,
  SiteConflictError,
  type FoundHost,
  type SeedKeys,
} from '../../src/site/index.ts';
import { sampleHostRecord, sampleRecord } from '../support/sample-site.ts';

const OTHER = { id: 'id-2', name: 'shop', seed: 's1', authorities: {} };
const bare = (name: string, hasAgent = false): FoundHost => ({ name, record: undefined, hasAgent });
const found = (name: string, site = sampleHostRecord().site): FoundHost => ({
  name,
  record: sampleHostRecord({ host: name, site }),
  hasAgent: true,
});

describe('foreignHosts', () => {
  it('lets pass hosts of the site, and hosts that nobody has', () => {
    expect(foreignHosts(sampleRecord(), [found('m1'), bare('f1', true), bare('new')])).toEqual([]);
    expect(foreignHosts(undefined, [bare('new')])).toEqual([]);
  });

  it('names the site of a host that another has, and what to do', () => {
    expect(foreignHosts(sampleRecord(), [found('m1'), found('x1', OTHER)])).toEqual([
      {
        where: 'x1',
        problem: 'it belongs to site "shop" (id-2), whose seed is "s1"',
        remedy: 'Use another machine, or have "s1" remove it from its cluster first',
      },
    ]);
  });

  it('sends whoever has no record to the seed of the site, or to its backup', () => {
    expect(foreignHosts(undefined, [found('m1'), found('f1')])).toEqual(
      ['m1', 'f1'].map((where) => ({
        where,
        problem: 'it belongs to site "lab" (id-1), whose seed is "m1"',
        remedy: 'Run this on "m1". Where that machine is lost, make another the seed: caisson adopt',
      })),
    );
  });

  it('knows a site by its id, not by its name', () => {
    expect(foreignHosts(sampleRecord(), [found('m1', { ...sampleHostRecord().site, id: 'id-9' })])).toHaveLength(1);
    expect(foreignHosts(sampleRecord({ name: 'renamed' }), [found('m1')])).toEqual([]);
  });

  it.each([undefined, sampleRecord()])('does not take a host whose agent left no record', (record) => {
    expect(foreignHosts(record, [bare('x1', true)])).toEqual([
      {
        where: 'x1',
        problem: 'it runs an agent of a site that left no record there',
        remedy: 'Run this on the seed that installed it. If that site is gone, remove /etc/systemd/system/caisson-agent.service there',
      },
    ]);
  });
});

describe('otherSeeds', () => {
  const at = (seed: string, seedSince?: string) => ({ seed, ...(seedSince === undefined ? {} : { seedSince }) });
  const [EARLY, LATE] = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z'];
  const host = (site: ReturnType<typeof at>): FoundHost => found('f1', { ...sampleHostRecord().site, ...site });

  it.each([
    ['the seed is the one that it names', at('m1'), at('m1')],
    ['the seed took over after the one that it names', at('f2', EARLY), at('m1')],
    ['the seed took over again', at('f2', LATE), at('f2', EARLY)],
  ])('lets a host pass when %s', (_, record, site) => {
    expect(otherSeeds(sampleRecord(record), [host(site)])).toEqual([]);
  });

  it.each([
    ['a seed that took over', at('m1'), at('f2', EARLY)],
    ['a seed that took over later', at('f2', EARLY), at('f3', LATE)],
    ['the same machine, which took over later', at('m1', EARLY), at('m1', LATE)],
    ['another seed of the same time', at('m1', EARLY), at('f2', EARLY)],
    ['another seed, and neither took over', at('m1'), at('f2')],
  ])('names a host that names %s', (_, record, site) => {
    const since = site.seedSince === undefined ? '' : ` since ${site.seedSince}`;
    expect(otherSeeds(sampleRecord(record), [host(site), bare('new')])).toEqual([
      {
        where: 'f1',
        problem: `its seed is "${site.seed}"${since}, and no longer this machine`,
        remedy: expect.stringContaining(`Run this on "${site.seed}"`),
      },
    ]);
  });

  it('leaves hosts of other sites to foreignHosts', () => {
    expect(otherSeeds(sampleRecord(), [found('x1', OTHER)])).toEqual([]);
  });
});

describe('lostKeys', () => {
  const places = { pki: '/var/lib/caisson/authorities', secrets: '/var/lib/caisson/secrets' };
  const whole: SeedKeys = { authorities: { site: 'AA:BB' }, held: { site: ['AA:BB'] }, rotations: {}, secrets: ['store-root', 'newer'] };
  const record = sampleRecord();

  it('misses nothing when all is there', () => {
    expect(lostKeys(record, whole, places)).toEqual([]);
  });

  it.each([
    ['gone', [], 'the authority "site" of this site is gone'],
    ['another one', ['CC:DD'], 'the authority "site" is not the one that this site was made with'],
  ])('names an authority that is %s', (_, held, problem) => {
    const authorities = Object.fromEntries(held.map((fingerprint) => ['site', fingerprint]));
    expect(lostKeys(record, { ...whole, authorities, held: { site: held } }, places)).toEqual([
      {
        where: places.pki,
        problem,
        remedy: 'Put back /var/lib/caisson/authorities from a backup: every certificate of the site hangs on it',
      },
    ]);
  });

  it('names each secret that is gone', () => {
    expect(lostKeys({ ...record, secrets: ['store-root', 'web-token'] }, { ...whole, secrets: ['web-token'] }, places)).toEqual([
      {
        where: places.secrets,
        problem: 'the secret "store-root" of this site is gone',
        remedy: "Put back /var/lib/caisson/secrets from a backup: the cluster's data are locked with it",
      },
    ]);
  });
});

describe('replacedAuthorities', () => {
  const held: SeedKeys['held'] = { site: ['AA:BB', 'CC:DD'] };
  const given = (name: string, fingerprint: string): FoundHost =>
    found(name, { ...sampleHostRecord().site, authorities: { site: fingerprint, other: 'EE:FF' } });

  it('lets pass hosts that have any authority of the seed, hosts without a record, and those of other sites', () => {
    const hosts = [given('m1', 'AA:BB'), given('f1', 'CC:DD'), bare('new'), found('x1', { ...OTHER, authorities: { site: '00:00' } })];
    expect(replacedAuthorities(sampleRecord(), hosts, { held })).toEqual([]);
  });

  it('names each host that was given another, and what mends it', () => {
    const conflicts = replacedAuthorities(sampleRecord(), [given('m1', 'AA:BB'), given('f1', '00:00')], { held });
    expect(conflicts).toEqual([
      {
        where: 'f1',
        problem: 'it was given another authority "site" than this seed has: the authority was rotated since the backup of this seed',
        remedy: expect.stringMatching(
          /^Restore a backup from after that rotation\. .*caisson certificates rotate site makes a new authority/,
        ),
      },
    ]);
    expect(replacedAuthorities(sampleRecord(), [given('m1', 'AA:BB')], { held: {} })).toHaveLength(1);
  });

  it('lets pass an authority that the run replaces on every host, and no other', () => {
    const hosts = [given('f1', '00:00')];
    expect(replacedAuthorities(sampleRecord(), hosts, { held }, 'site')).toEqual([]);
    expect(replacedAuthorities(sampleRecord(), hosts, { held }, 'etcd')).toHaveLength(1);
  });
});

describe('changedName', () => {
  it('refuses another name of the cluster', () => {
    expect(changedName(sampleRecord(), 'lab')).toEqual([]);
    expect(changedName(sampleRecord(), 'prod')).toEqual([
      {
        where: 'cluster.yaml: name',
        problem: 'this site is "lab", and "prod" is asked for',
        remedy: 'Write name: lab. A second cluster needs a seed of its own',
      },
    ]);
  });
});

describe('changedSettings', () => {
  it('refuses another value of what data were made with, and says the old one', () => {
    expect(changedSettings(sampleRecord(), { 'network.podCIDR': '10.9.0.0/16' })).toEqual([
      {
        where: 'cluster.yaml: network.podCIDR',
        problem:
          'it was "10.244.0.0/16" when the cluster was installed, and "10.9.0.0/16" is asked for; what runs there would lose its data',
        remedy: 'Write "10.244.0.0/16" again',
      },
    ]);
  });

  it('lets pass the same value, a setting that is new, and one that the platform has no more', () => {
    expect(changedSettings(sampleRecord(), { 'network.podCIDR': '10.244.0.0/16', 'options.store': 'local' })).toEqual([]);
    expect(changedSettings(sampleRecord(), {})).toEqual([]);
  });
});

describe('SiteConflictError', () => {
  const [one, two] = ['m1', 'm2'].map((where) => ({ where, problem: 'it is taken', remedy: 'Use another' }));
  if (one === undefined || two === undefined) throw new Error('there are two');

  it('tells every conflict with its remedy, and that nothing was changed', () => {
    const error = new SiteConflictError([one, two]);
    expect(error).toMatchObject({ code: 'SITE_CONFLICT', exitStatus: 6, hint: 'Nothing was changed', data: { conflicts: [one, two] } });
    expect(error.message).toBe(
      'Cannot change this site: 2 conflicts\n  m1: it is taken\n    Use another\n  m2: it is taken\n    Use another',
    );
  });

  it('counts one as one', () => {
    expect(new SiteConflictError([one]).message).toMatch(/^Cannot change this site: 1 conflict\n/);
  });
});
