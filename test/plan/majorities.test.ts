import { beforeAll, describe, expect, it } from 'vitest';
import type { Topology } from '../../src/cluster/index.ts';
import { lostMajorities, majorityOf, type GateStep, type MakeStep, type PlanStep } from '../../src/plan/index.ts';
import type { SiteRecord } from '../../src/site/index.ts';
import { node, orderManifests, recordWith, topologyOf } from './sample-order.ts';

const HOSTS = ['s1', 's2', 's3', 's4', 's5'];
let stores: Topology;

beforeAll(async () => {
  stores = topologyOf(await orderManifests(), [...HOSTS.map((host) => node(host, 'store')), node('r1', 'read')]);
});

/** A site whose machines on the hosts `lost` were replaced, and whose store has the hosts `members` besides. */
function siteOf(members: readonly string[], lost: readonly string[]): SiteRecord {
  const record = recordWith(
    [...members, ...lost].map((host) => `store/${host}`),
    { placements: { store: [...members] } },
  );
  const hosts = Object.entries(record.hosts).map(([host, recorded]) => {
    const former = lost.includes(host) ? { former: [{ component: 'store', address: '10.0.0.99' }] } : {};
    return [host, { ...recorded, ...former }] as const;
  });
  return { ...record, hosts: Object.fromEntries(hosts) };
}

function restart(host: string, needs: readonly PlanStep[] = [], restarts: readonly string[] = ['docker', 'store']): MakeStep {
  const head = { id: `start/${host}/store`, phase: 'start', host, summary: `restart store on ${host}`, needs };
  return { ...head, type: 'make', owner: 'store', makings: [], restarts };
}

function gate(id: string, parts: Partial<GateStep> = {}): GateStep {
  const placement = stores.placements.find((one) => one.id === id);
  if (placement === undefined) throw new Error(`there is no ${id}`);
  const head = { id: `check/${id}`, phase: 'check', host: placement.host.name, summary: 'wait', needs: [] };
  return { ...head, type: 'gate', placement, after: [], ...parts };
}

const joining = { leave: [], owned: [] };
const join = (host: string): GateStep => gate(`store/${host}`, { joining });

describe('lostMajorities', () => {
  const two = siteOf(['s1', 's3'], ['s2']);
  const hostsOf = (steps: readonly PlanStep[], record: SiteRecord | undefined = two): readonly string[] =>
    lostMajorities(steps, stores, record).map(({ where }) => where);

  it('names each restart of a member before the new machine has joined', () => {
    expect(lostMajorities([restart('s1'), join('s2')], stores, two)).toEqual([
      {
        where: 's1',
        problem:
          '"restart store on s1" would stop store there before the new machine of s2 is a member, and the members would lose their majority',
        remedy: 'Replace the machine without other changes first: with the installed bundle, and cluster.yaml as it was',
      },
    ]);
    expect(hostsOf([restart('s1'), restart('s3'), join('s2')])).toEqual(['s1', 's3']);
  });

  it('finds nothing in a restart that waits for the join, also by way of other steps', () => {
    const joined = join('s2');
    expect(hostsOf([joined, restart('s1', [joined])])).toEqual([]);
    const between = gate('reader/r1', { needs: [gate('docker/s1'), joined] });
    expect(hostsOf([joined, between, restart('s1', [gate('docker/s3'), between])])).toEqual([]);
  });

  it('takes no other step for the join of the new machine', () => {
    const joined = join('s2');
    const others = [gate('store/s2'), gate('reader/r1', { joining }), join('s4'), restart('s3', [joined])];
    expect(hostsOf([joined, ...others, restart('s1', others.slice(0, 3))])).toEqual(['s1']);
  });

  it('waits for the new machines of all that were lost, and not for other hosts that join', () => {
    const record = siteOf(['s1', 's3', 's5'], ['s2', 's4']);
    const [first, second, third] = [join('s2'), join('s4'), join('s3')];
    const conflicts = lostMajorities([first, second, restart('s1', [first])], stores, record);
    expect(conflicts.map(({ problem }) => problem)).toEqual([expect.stringContaining('before the new machine of s2, s4 is a member')]);
    expect(hostsOf([first, second, restart('s1', [first, second])], record)).toEqual([]);
    expect(hostsOf([first, second, third, restart('s1', [first, second])], record)).toEqual([]);
  });

  it('lets members restart that have a majority without the one that restarts', () => {
    const lost = (members: readonly string[], former: readonly string[]) => hostsOf([restart('s1'), join('s2')], siteOf(members, former));
    expect(lost(['s1', 's3', 's4', 's5'], ['s2'])).toEqual([]);
    expect(lost(['s1', 's3', 's4'], ['s2'])).toEqual(['s1']);
    expect(lost(['s1', 's3'], [])).toEqual([]);
  });

  it.each<readonly [string, () => PlanStep]>([
    ['stops another component', () => restart('s1', [], ['docker'])],
    ['stops the component on a host that is no member', () => restart('s5')],
    ['only waits', () => gate('store/s1')],
  ])('finds nothing in a step that %s', (_, step) => {
    expect(hostsOf([step(), join('s2')])).toEqual([]);
  });

  it('finds nothing without a record, and nothing of a component that the record has no members of', () => {
    expect(lostMajorities([restart('s1'), join('s2')], stores, undefined)).toEqual([]);
    expect(hostsOf([restart('s1'), join('s2')], { ...two, placements: {} })).toEqual([]);
  });
});

describe('majorityOf', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
  ])('of %i members is %i', (count, majority) => {
    expect(majorityOf(count)).toBe(majority);
  });
});
