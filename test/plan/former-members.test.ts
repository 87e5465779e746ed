import { beforeAll, describe, expect, it } from 'vitest';
import type { Topology } from '../../src/cluster/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import type { PlanStep } from '../../src/plan/index.ts';
import type { SiteRecord } from '../../src/site/index.ts';
import { hardManifests } from '../support/hard-cases.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { before, changed, made, nameOf, node, orderManifests, orderOf, recordWith, removed, stepsOf, topologyOf } from './sample-order.ts';

const HOSTS = ['s1', 's2', 's3', 's4', 's5'];
let manifests: Manifests;

beforeAll(async () => {
  manifests = await orderManifests();
});

function storesOn(...hosts: readonly string[]): Topology {
  return topologyOf(
    manifests,
    hosts.map((host) => node(host, 'store')),
  );
}

/** A site where these hosts are the members of the store, and where the machines of others, by name and address, were replaced. */
function siteOf(members: readonly string[], former: Readonly<Record<string, string>> = {}): SiteRecord {
  const record = recordWith(
    members.flatMap((host) => [`docker/${host}`, `store/${host}`]),
    { placements: { store: [...members] } },
  );
  const replaced = Object.entries(former).map(([host, address]) => [
    host,
    { address: '10.0.0.12', roles: [], owned: [], former: [{ component: 'store', address }] },
  ]);
  return { ...record, hosts: { ...record.hosts, ...Object.fromEntries(replaced) } };
}

const restartOf = (host: string) => changed(`store/${host}`, 'definition');
const startOf = (host: string) => made(`store/${host}`, 'definition');

function letsGo(steps: readonly PlanStep[]): readonly string[] {
  return steps.flatMap((step) => (step.type === 'action' && step.letsGo === true ? [nameOf(step)] : []));
}

describe('a machine that was replaced', () => {
  it('leaves the quorum through the other members before the new one joins, and these restart after that', () => {
    const changes = [startOf('s2'), restartOf('s1'), restartOf('s3')];
    const steps = stepsOf(storesOn('s1', 's2', 's3'), { record: siteOf(['s1', 's3'], { s2: '10.0.0.99' }), changes });
    expect(orderOf(steps, /store/)).toEqual([
      'gate s1/store-before-leave < gate s2/docker',
      'gate s3/store-before-leave < gate s2/docker',
      's2/store-leave-of-10.0.0.99 < gate s1/store-before-leave, gate s3/store-before-leave',
      'gate s1/store-after-leave < s2/store-leave-of-10.0.0.99',
      'gate s3/store-after-leave < s2/store-leave-of-10.0.0.99',
      's2/store-join < gate s1/store-after-leave, gate s3/store-after-leave',
      's2/store-start < s2/store-join',
      'gate s2/store < s2/store-start',
      's1/store-start < gate s1/docker, gate s2/store',
      'gate s1/store < s1/store-start',
      's3/store-start < gate s1/store, gate s3/docker',
      'gate s3/store < s3/store-start',
    ]);
    const leave = steps.find((step) => nameOf(step) === 's2/store-leave-of-10.0.0.99');
    expect(leave).toMatchObject({ runner: 's1', host: 's2', placement: { host: { name: 's2', address: '10.0.0.99' } } });
    expect(letsGo(steps)).toEqual(['s2/store-leave-of-10.0.0.99']);
  });

  it('leaves after another one, and both once, where two are replaced; then the new ones join one after the other', () => {
    const record = siteOf(['s1', 's3', 's5'], { s2: '10.0.0.98', s4: '10.0.0.99' });
    const steps = stepsOf(storesOn(...HOSTS), { record, changes: [startOf('s2'), startOf('s4')] });
    expect(orderOf(steps, /actions.*store/)).toEqual([
      's2/store-leave-of-10.0.0.98 < gate s1/store-before-leave, gate s3/store-before-leave, gate s5/store-before-leave',
      's4/store-leave-of-10.0.0.99 < s2/store-leave-of-10.0.0.98',
      's2/store-join < gate s1/store-after-leave, gate s3/store-after-leave, gate s5/store-after-leave',
      's4/store-join < gate s1/store-before-s4-joins, gate s2/store, gate s3/store-before-s4-joins, gate s5/store-before-s4-joins',
    ]);
    expect(letsGo(steps)).toEqual(['s2/store-leave-of-10.0.0.98', 's4/store-leave-of-10.0.0.99']);
  });

  it('leaves before any member restarts where its host is a member no more, and before that host is rid of it', () => {
    const record = { ...siteOf(['s1', 's3', 's5'], { s2: '10.0.0.99' }) };
    const steps = stepsOf(storesOn('s1', 's3', 's5'), { record, changes: [removed('store/s2'), restartOf('s1')] });
    expect(orderOf(steps, /store/)).toEqual([
      ...['s1', 's3', 's5'].map((host) => `gate ${host}/store-before-leave`),
      's2/store-leave-of-10.0.0.99 < gate s1/store-before-leave, gate s3/store-before-leave, gate s5/store-before-leave',
      ...['s1', 's3', 's5'].map((host) => `gate ${host}/store-after-leave < s2/store-leave-of-10.0.0.99`),
      's1/store-start < gate s1/docker, gate s1/store-after-leave, gate s3/store-after-leave, gate s5/store-after-leave',
      'gate s1/store < s1/store-start',
      'gate s3/store < gate s3/docker',
      'gate s5/store < gate s5/docker',
      'remove s2/store < gate s1/store, gate s3/store, gate s5/store',
    ]);
    const depot = steps.find(({ type }) => type === 'depot');
    for (const step of steps.filter(({ id }) => id.endsWith('-before-leave'))) {
      expect(before(step)).toContain(depot);
      // It restarts nothing: probes of any time count.
      expect(step).toMatchObject({ after: [] });
    }
  });

  it('does nothing itself on its way out: an action that it would run is left out', async () => {
    const path = 'components/store/component.yaml';
    const hard = hardManifests();
    const text = (hard[path] ?? '').replace(
      'actions:\n',
      'actions:\n  - { name: pack, summary: pack it, at: leave, on: self, command: [pack] }\n',
    );
    const topology = topologyOf(
      await loadManifests(memoryTree({ ...hard, [path]: text })),
      ['s1', 's2', 's3'].map((host) => node(host, 'store')),
    );
    const steps = stepsOf(topology, { record: siteOf(['s1', 's3'], { s2: '10.0.0.99' }), changes: [startOf('s2')] });
    expect(steps.filter(({ type }) => type === 'action').map(nameOf)).toEqual(['s2/store-leave-of-10.0.0.99', 's2/store-join']);
  });

  it('is gone already where no member counts it', () => {
    const steps = stepsOf(storesOn('s1', 's2', 's3'), { record: siteOf(['s1', 's2', 's3']), changes: [restartOf('s1')] });
    expect(steps.filter(({ id }) => id.includes('leave'))).toEqual([]);
  });
});

describe('a host that joins', () => {
  it('is added by a host that is a member already, though it comes after one that is none', () => {
    const steps = stepsOf(storesOn('s1', 's2', 's3'), { record: siteOf(['s3']), changes: [startOf('s1'), startOf('s2')] });
    for (const host of ['s1', 's2']) {
      const step = steps.find((one) => nameOf(one) === `${host}/store-join`);
      expect(step).toMatchObject({ runner: 's3' });
    }
  });

  it('comes before the restart of members where these are an even number, each of which counts', () => {
    const changes = [restartOf('s1'), restartOf('s2'), startOf('s3')];
    expect(orderOf(stepsOf(storesOn('s1', 's2', 's3'), { record: siteOf(['s1', 's2']), changes }), /store/)).toEqual([
      'gate s1/store-before-s3-joins < gate s3/docker',
      'gate s2/store-before-s3-joins < gate s3/docker',
      's3/store-join < gate s1/store-before-s3-joins, gate s2/store-before-s3-joins',
      's3/store-start < s3/store-join',
      'gate s3/store < s3/store-start',
      's1/store-start < gate s1/docker, gate s3/store',
      'gate s1/store < s1/store-start',
      's2/store-start < gate s1/store, gate s2/docker',
      'gate s2/store < s2/store-start',
    ]);
  });

  it('comes after the restart of members where these are an odd number, while all are healthy', () => {
    const changes = [restartOf('s1'), restartOf('s2'), startOf('s4'), startOf('s5')];
    expect(orderOf(stepsOf(storesOn(...HOSTS), { record: siteOf(['s1', 's2', 's3']), changes }), /store/)).toEqual([
      's1/store-start < gate s1/docker',
      'gate s1/store < s1/store-start',
      's2/store-start < gate s1/store, gate s2/docker',
      'gate s2/store < s2/store-start',
      'gate s3/store < gate s3/docker',
      's4/store-join < gate s2/store, gate s3/store, gate s4/docker',
      's4/store-start < s4/store-join',
      'gate s4/store < s4/store-start',
      's5/store-join < gate s4/store, gate s5/docker',
      's5/store-start < s5/store-join',
      'gate s5/store < s5/store-start',
    ]);
  });
});
