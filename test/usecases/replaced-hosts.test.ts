import { describe, expect, it } from 'vitest';
import { newSiteRecord, type FoundHost, type SiteRecord } from '../../src/site/index.ts';
import { replacedHosts, replacementConflicts, replacementNotes, withoutReplaced } from '../../src/usecases/replaced-hosts.ts';

const RELEASE = `sha256:${'a'.repeat(64)}` as const;

function done(component: string, host?: string): SiteRecord['actions'][number] {
  return { component, action: 'init', release: RELEASE, time: '2026-01-01T00:00:00Z', ...(host === undefined ? {} : { host }) };
}

function hostOf(address: string, ...data: readonly string[]): SiteRecord['hosts'][string] {
  return { address, roles: ['x'], owned: data.map((owner) => ({ kind: 'directory', key: `/data/${owner}`, owner, data: true })) };
}

const RECORD: SiteRecord = {
  ...newSiteRecord({ id: 'a', name: 'prod', seed: 's' }),
  hosts: { s: hostOf('10.0.0.1'), m: hostOf('10.0.0.2', 'db', 'store', 'docker'), n: hostOf('10.0.0.3', 'store') },
  placements: { db: ['m'], hub: ['m'], store: ['n', 'm'] },
  joined: { store: ['m'] },
  values: { 'store/m/members': 'm', 'store/n/members': 'n' },
  actions: [done('db'), done('hub'), done('store'), done('docker', 'm'), done('docker', 'n')],
};

function fresh(name: string, changes: Partial<FoundHost> = {}): FoundHost {
  return { name, record: undefined, hasAgent: false, ...changes };
}

function replaced(found: readonly FoundHost[], addresses: Readonly<Record<string, string>>, record = RECORD) {
  const nodes = Object.entries(addresses).map(([name, address]) => ({ name, address, roles: ['x'] }));
  return replacedHosts(record, found, nodes, (component) => component === 'store');
}

describe('a machine under the name of another', () => {
  it('is one at another address that keeps no record, and never the seed', () => {
    expect(replaced([fresh('m')], { m: '10.0.0.9' })).toMatchObject([
      { name: 'm', from: '10.0.0.2', to: '10.0.0.9', alone: ['db'], members: [{ component: 'store', address: '10.0.0.2' }] },
    ]);
    expect(replaced([fresh('m')], { m: '10.0.0.2' })).toEqual([]);
    expect(replaced([fresh('m', { hasAgent: true })], { m: '10.0.0.9' })).toEqual([]);
    expect(replaced([], { m: '10.0.0.9' })).toEqual([]);
    expect(replaced([fresh('s')], { s: '10.0.0.9' })).toEqual([]);
    expect(replaced([fresh('new')], { new: '10.0.0.9' })).toEqual([]);
  });

  it('is refused where data were on one machine alone, unless they are purged', () => {
    const hosts = replaced([fresh('m')], { m: '10.0.0.9' });
    expect(replacementConflicts(hosts, true)).toEqual([]);
    expect(replacementConflicts(hosts, false).map(({ remedy }) => remedy)).toEqual([
      'Bring the former machine back under its address; where it is lost for good, with its data, add --purge',
    ]);
  });

  it('has nothing of what is recorded of the other, and what was done once for lost data is to be done again', () => {
    const record = withoutReplaced(RECORD, replaced([fresh('m')], { m: '10.0.0.9' }));
    expect(record.hosts).toEqual({
      s: RECORD.hosts['s'],
      n: RECORD.hosts['n'],
      m: { address: '10.0.0.9', roles: [], former: [{ component: 'store', address: '10.0.0.2' }], owned: [] },
    });
    expect(record).toMatchObject({ placements: { ...RECORD.placements, store: ['n'] }, joined: {}, values: { 'store/n/members': 'n' } });
    expect(record.values).not.toHaveProperty(['store/m/members']);
    expect(record.actions).toEqual([done('store'), done('docker', 'n')]);
  });

  const CORDONED = { since: '2026-01-01T00:00:00Z', by: 'operator' } as const;
  it.each([
    ['until an operator uncordons it, as the other was', { cordoned: CORDONED }, CORDONED, 1],
    [
      'until its start where the other was cordoned to go down',
      { down: { ...CORDONED, cordoned: true } },
      { ...CORDONED, untilStart: true },
      0,
    ],
  ] as const)('stays cordoned %s, and is down no more', (_until, notes, cordoned, lines) => {
    const before = { ...RECORD, hosts: { ...RECORD.hosts, m: { ...hostOf('10.0.0.2'), ...notes } }, placements: {} };
    const hosts = replaced([fresh('m')], { m: '10.0.0.9' }, before);
    expect(withoutReplaced(before, hosts).hosts['m']).toEqual({ address: '10.0.0.9', roles: [], cordoned, owned: [] });
    expect(
      replacementNotes(hosts).filter((line) => line === 'm stays cordoned, as its former machine was, until: caisson node uncordon m'),
    ).toHaveLength(lines);
  });
});
