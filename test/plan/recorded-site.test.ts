import { beforeAll, describe, expect, it } from 'vitest';
import type { Placement, Topology } from '../../src/cluster/index.ts';
import { formerMembers, isStarted, RecordedSite } from '../../src/plan/recorded-site.ts';
import { OWNERS } from '../../src/resources/index.ts';
import type { OwnedResource, RecordedOperation, SiteRecord } from '../../src/site/index.ts';
import { NEW, node, OLD, orderManifests, recordWith, topologyOf } from './sample-order.ts';

/** A quorum of three, and what reads it. */
let stores: Topology;

const PLACES = ['docker/s1', 'docker/r1', 'store/s1', 'store/s2', 'reader/r1'];
const RUN: RecordedOperation = { run: 'r', operation: 'install', started: '2026-01-01T00:00:00Z' };

beforeAll(async () => {
  stores = topologyOf(await orderManifests(), [node('s1', 'store'), node('s2', 'store'), node('s3', 'store'), node('r1', 'read')]);
});

function site(changes: Partial<SiteRecord> = {}, undefinedOnes: readonly string[] = []): RecordedSite {
  return new RecordedSite(recordWith(PLACES, changes), stores, new Set(undefinedOnes));
}

function placement(id: string): Placement {
  const found = stores.placements.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no ${id} among ${stores.placements.map((one) => one.id).join(', ')}`);
  return found;
}

function recordOf(host: Partial<SiteRecord['hosts'][string]>): SiteRecord {
  return { ...recordWith([]), hosts: { s1: { address: '10.0.0.11', roles: [], owned: [], ...host } } };
}

describe('isStarted', () => {
  const owned: OwnedResource = { kind: 'definition', key: '/conf/store.yaml', owner: 'store' };

  it.each<readonly [string, OwnedResource, boolean]>([
    ['a definition', owned, true],
    ['a unit', { ...owned, kind: 'unit', key: 'store.service' }, true],
    ['a file', { ...owned, kind: 'file' }, false],
    ['a definition of another', { ...owned, owner: 'web' }, false],
    ['a definition that only stayed there', { ...owned, kept: true }, false],
  ])('by %s: %s', (_, one, expected) => {
    expect(isStarted(recordOf({ owned: [one] }), 'store', 's1')).toBe(expected);
    expect(isStarted(recordOf({ owned: [one] }), 'store', 's2')).toBe(false);
  });

  it('is false before the first install', () => {
    expect(isStarted(undefined, 'store', 's1')).toBe(false);
  });
});

describe('formerMembers', () => {
  const former = [
    { component: 'store', address: '10.0.0.99' },
    { component: 'db', address: '10.0.0.98' },
  ];

  it('are those of each host in the record, of all components or of one', () => {
    const all = former.map((one) => ({ host: 's1', ...one }));
    expect(formerMembers(recordOf({ former }))).toEqual(all);
    expect(formerMembers(recordOf({ former }), 'store')).toEqual(all.slice(0, 1));
    expect(formerMembers(recordOf({}), 'store')).toEqual([]);
    expect(formerMembers(undefined)).toEqual([]);
    expect(new RecordedSite(recordOf({ former }), stores).former('db')).toEqual([{ name: 's1', address: '10.0.0.98', roles: [] }]);
  });
});

describe('what runs by the record', () => {
  it('is what the record has, but for what a killed run never started', () => {
    expect(site().hasRun('store', 's1')).toBe(true);
    expect(site().hasRun('store', 's3')).toBe(false);
    for (const outcome of ['failed', 'interrupted'] as const)
      expect(site({ operations: [{ ...RUN, outcome }] }, ['store/s1']).hasRun('store', 's1')).toBe(false);
    // The definition was removed by hand.
    expect(site({ operations: [{ ...RUN, outcome: 'done' }] }, ['store/s1']).hasRun('store', 's1')).toBe(true);
    expect(site({ operations: [RUN] }, ['store/s1']).hasRun('store', 's2')).toBe(true);
  });

  it('is another release when the record has one and it is another', () => {
    expect(site().isUpgraded('store', NEW)).toBe(true);
    expect(site().isUpgraded('store', OLD)).toBe(false);
    expect(site().isUpgraded('gone', NEW)).toBe(false);
  });

  it('depends on a component on the same host that it needs', () => {
    expect(
      site()
        .dependentsOn(placement('docker/r1'))
        .map(({ id }) => id),
    ).toEqual(['reader/r1']);
    expect(site().dependentsOn(placement('reader/r1'))).toEqual([]);
    expect(new RecordedSite(undefined, stores).dependentsOn(placement('docker/r1'))).toEqual([]);
  });

  it('is restarted with a component when it fell with that, or needs what fell, on the same host', async () => {
    const manifests = await orderManifests();
    const topology = topologyOf(manifests, [node('n1', 'data', 'control'), node('n2', 'control')]);
    const recorded = new RecordedSite(recordWith(['docker/n1', 'db/n1', 'control/n1', 'docker/n2', 'control/n2']), topology);
    const [database] = topology.placements.filter(({ id }) => id === 'db/n1');
    if (database === undefined) throw new Error('there is a database');
    expect(recorded.dependentsOn(database).map(({ id }) => id)).toEqual([]);
    expect(recorded.dependentsOn(database, new Set(['docker'])).map(({ id }) => id)).toEqual(['docker/n1', 'control/n1']);
  });

  it('ends with its container engine where it is in a container and has run, apart from the engine itself', () => {
    const endingWith = (id: string): readonly string[] =>
      site()
        .containersOn(placement(id))
        .map((one) => one.id);
    expect(endingWith('docker/s1')).toEqual(['store/s1']);
    expect(endingWith('docker/r1')).toEqual(['reader/r1']);
    expect(endingWith('store/s1')).toEqual([]);
    // The store was never started there.
    expect(endingWith('docker/s3')).toEqual([]);
  });

  it('owes the actions of its start when the run that planned them did not end well', () => {
    const starts = ['store/s1'];
    const owed = (operations: readonly RecordedOperation[], id = 'store/s1') => site({ operations: [...operations] }).isOwed(placement(id));
    expect(owed([{ ...RUN, starts }])).toBe(true);
    expect(owed([{ ...RUN, starts, outcome: 'failed' }])).toBe(true);
    expect(owed([{ ...RUN, starts, outcome: 'done' }])).toBe(false);
    expect(owed([{ ...RUN, starts }], 'store/s2')).toBe(false);
    expect(
      owed([
        { ...RUN, starts },
        { ...RUN, outcome: 'failed' },
      ]),
    ).toBe(false);
    expect(owed([])).toBe(false);
  });
});

describe('a quorum by the record', () => {
  it('is joined by a host that was no member when it was founded', () => {
    const founded = site({ placements: { store: ['s1', 's2'] } });
    expect(['s1', 's2', 's3'].map((host) => founded.joins(placement(`store/${host}`)))).toEqual([false, false, true]);
    expect(['s1', 's3'].map((host) => founded.isMember(placement(`store/${host}`)))).toEqual([true, false]);
    expect(site().joins(placement('store/s3'))).toBe(false);
    expect(site({ placements: { reader: ['s1'] } }).joins(placement('reader/r1'))).toBe(false);
  });

  it('has hosts join before its members restart while it has an even number of members, or counts a former machine', () => {
    const joinsFirst = (members: readonly string[]) => site({ placements: { store: [...members] } }).joinsFirst('store');
    expect([['s1'], ['s1', 's2'], ['s1', 's2', 's3']].map(joinsFirst)).toEqual([false, true, false]);
    const record = { ...recordOf({ former: [{ component: 'store', address: '10.0.0.99' }] }), placements: { store: ['s1', 's2', 's3'] } };
    expect(new RecordedSite(record, stores).joinsFirst('store')).toBe(true);
  });
});

describe('a host by the record', () => {
  it.each([
    [undefined, undefined],
    [{ since: '2026-01-01T00:00:00Z', by: 'operator' }, 'cordon'],
    [{ since: '2026-01-01T00:00:00Z', by: 'operator', untilStart: true }, 'uncordon'],
  ] as const)('cordoned as %o: after a start it is to %s', (cordoned, expected) => {
    expect(new RecordedSite(recordOf(cordoned === undefined ? {} : { cordoned }), stores).workAfterStart('s1')).toBe(expected);
    expect(new RecordedSite(undefined, stores).workAfterStart('s1')).toBeUndefined();
  });

  it('is left by a component that ran there, is still known, and has no place there any more', () => {
    const leaving = new RecordedSite(recordWith([...PLACES, 'reader/s1', 'gone/s1']), stores);
    expect(leaving.leaving('reader', 's1')).toMatchObject({
      id: 'reader/s1',
      component: { name: 'reader' },
      host: { name: 's1', address: '10.0.0.11' },
      needs: [],
    });
    for (const [component, host] of [
      ['gone', 's1'],
      ['store', 's1'],
      ['reader', 's2'],
      ['reader', 'x9'],
    ] as const)
      expect(leaving.leaving(component, host)).toBeUndefined();
  });

  it('is rid of what is not known first, then of dependents before what they need, and of what is ours last', () => {
    const owners = [OWNERS.login, OWNERS.seed, OWNERS.host, 'docker', 'store', 'reader', 'gone'];
    const ordered = ['gone', 'reader', 'store', 'docker', OWNERS.host, OWNERS.seed, OWNERS.login];
    expect(site().removalOrder(owners)).toEqual(ordered);
    expect(site().removalOrder([...owners].reverse())).toEqual(ordered);
  });
});
