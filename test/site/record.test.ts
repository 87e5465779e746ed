import { describe, expect, it } from 'vitest';
import { clusterSchema } from '../../src/cluster/index.ts';
import { digestOf } from '../../src/core/index.ts';
import {
  formatHostRecord,
  hostRecordOf,
  hostRecordSchema,
  newSiteRecord,
  parseHostRecord,
  siteRecordSchema,
} from '../../src/site/index.ts';
import { sampleHostRecord, sampleRecord } from '../support/sample-site.ts';

const OWNED = { kind: 'file', key: '/a', owner: 'store' };

function problemsOf(changes: Readonly<Record<string, unknown>>): readonly string[] {
  const result = siteRecordSchema.safeParse({ ...sampleRecord(), ...changes });
  return result.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
}

function hostWith(owned: Readonly<Record<string, unknown>>) {
  return { hosts: { m1: { address: '10.0.0.11', roles: [], owned: [owned] } } };
}

describe('the record of a site', () => {
  it('is what was written, also that of a new site', () => {
    for (const record of [sampleRecord(), newSiteRecord({ id: 'i', name: 'n', seed: 's' })]) {
      expect(siteRecordSchema.parse(JSON.parse(JSON.stringify(record)))).toEqual(record);
    }
  });

  it('keeps what is there for a while only: nodes that are down, former machines, runs that did not end', () => {
    const digest = digestOf('a bundle');
    const since = '2026-01-01T00:00:00.000Z';
    const bundle = { name: 'sample', version: '1.2', digest, supply: 'online', lock: digest } as const;
    const m1 = {
      address: '10.0.0.11',
      roles: ['manage'],
      cordoned: { since, by: 'operator', untilStart: true },
      down: { since, by: 'operator', cordoned: true, stopped: true },
      former: [{ component: 'store', address: '10.0.0.9' }],
      owned: [{ ...OWNED, before: 'same' }],
    };
    const changes = {
      ...{ seedSince: since, bundle, previous: bundle, cluster: { path: '/etc/cluster.yaml', digest } },
      hosts: { m1, f1: { ...m1, cordoned: { since, by: 'operator' }, down: { since, by: 'operator' } } },
      actions: [{ component: 'store', action: 'seed', release: digest, time: since }],
      operations: [
        { run: 'r2', operation: 'upgrade', started: since, starts: ['store/m1'], backup: '/backup.gpg', outcome: 'interrupted' },
        { run: 'r3', operation: 'reset', started: since, ended: since, outcome: 'failed' },
      ],
    };
    expect(siteRecordSchema.parse(JSON.parse(JSON.stringify({ ...sampleRecord(), ...changes })))).toEqual({
      ...sampleRecord(),
      ...changes,
    });
  });

  it('may have every setting of a login that a node of cluster.yaml may have', () => {
    const hostKey = `SHA256:${'A'.repeat(43)}`;
    const ssh = { user: 'deploy', port: 2222, hostKey, identityFile: '/key', jump: ['a@b', 'c:22'] };
    const node = clusterSchema.shape.nodes.element.parse({ name: 'm1', address: '10.0.0.11', roles: ['manage'], ssh });
    expect(Object.keys(ssh).sort()).toEqual(Object.keys(clusterSchema.shape.nodes.element.shape.ssh.unwrap().shape).sort());
    expect(problemsOf({ hosts: { m1: { address: 'a', roles: [], owned: [], ssh: node.ssh } } })).toEqual([]);
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>, string]>([
    ['another version', { apiVersion: 'caisson/v2' }, 'apiVersion: '],
    ['another kind', { kind: 'HostRecord' }, 'kind: '],
    ['a key that is not known', { colour: 'blue' }, 'Unrecognized key: "colour"'],
    ['a key of a host that is not known', { hosts: { m1: { address: 'a', roles: [], owned: [], cpu: 1 } } }, 'Unrecognized key: "cpu"'],
    ['a key of a resource that is not known', hostWith({ ...OWNED, mode: '0644' }), 'Unrecognized key: "mode"'],
    ['a resource without an owner', hostWith({ ...OWNED, owner: '' }), 'hosts.m1.owned.0.owner: '],
    ['a digest that is none', hostWith({ ...OWNED, digest: 'sha256:0' }), 'hosts.m1.owned.0.digest: is not a digest'],
    ['a list with a digest for a digest', hostWith({ ...OWNED, digest: [digestOf('')] }), 'hosts.m1.owned.0.digest: is not a digest'],
    ['a resource without a kind', hostWith({ ...OWNED, kind: '' }), 'hosts.m1.owned.0.kind: '],
    ['a site without a name', { name: '' }, 'name: '],
    ['a site without an id', { id: '' }, 'id: '],
    ['a site without a seed', { seed: '' }, 'seed: '],
    ['a time of the seed that is none', { seedSince: 'yesterday' }, 'seedSince: '],
    [
      'a key of a bundle that is not known',
      { bundle: { name: 'n', version: '1', digest: digestOf(''), size: 1 } },
      'Unrecognized key: "size"',
    ],
    ['a supply that is not known', { previous: { name: 'n', version: '1', digest: digestOf(''), supply: 'post' } }, 'previous.supply: '],
    ['a state before us that is not known', hostWith({ ...OWNED, before: 'none' }), 'hosts.m1.owned.0.before: '],
    ['a revision that is no number', { revision: '3' }, 'revision: '],
    ['a missing list', { actions: undefined }, 'actions: '],
    ['an outcome that is not known', { operations: [{ run: 'r', operation: 'install', started: 't', outcome: 'killed' }] }, 'outcome'],
  ])('refuses %s', (_, changes, problem) => {
    expect(problemsOf(changes)).toEqual([expect.stringContaining(problem)]);
  });
});

describe('the record of a host', () => {
  it('is what the record of the site has of it, through its text and back', () => {
    const own = hostRecordOf(sampleRecord(), 'm1');
    expect(own).toEqual(
      sampleHostRecord({
        placements: ['store', 'web'],
        values: { 'store/m1/members': 'm1' },
        releases: { store: digestOf('a release') },
        owned: [...(sampleRecord().hosts['m1']?.owned ?? [])],
      }),
    );
    if (own === undefined) throw new Error('m1 is in the record');
    const text = formatHostRecord(own);
    expect(text).toMatch(/^\{\n.*\}\n$/s);
    expect(hostRecordSchema.parse(JSON.parse(text))).toEqual(own);
    expect(parseHostRecord(text)).toEqual(own);
  });

  it('has nothing of how to log in, of secrets and of other hosts', () => {
    const text = formatHostRecord(hostRecordOf(sampleRecord(), 'f1') ?? sampleHostRecord());
    expect(text).not.toMatch(/ops|2222|store-root|10\.0\.0\.11/);
  });

  it('is the same text for the same record, so that a second run finds nothing to write', () => {
    expect(formatHostRecord(sampleHostRecord())).toBe(formatHostRecord(sampleHostRecord()));
  });

  it('has no release of a component of which the host keeps data alone, so that its later releases elsewhere do not change it', () => {
    const record = sampleRecord();
    const m1 = record.hosts['m1'];
    if (m1 === undefined) throw new Error('m1 is in the record');
    const kept = m1.owned.filter((one) => one.kept === true);
    expect(kept).toHaveLength(1);
    expect(hostRecordOf({ ...record, hosts: { m1: { ...m1, owned: kept } } }, 'm1')?.releases).toEqual({});
  });

  it('is undefined for a host that the site does not have', () => {
    expect(hostRecordOf(sampleRecord(), 'x9')).toBeUndefined();
  });
});
