import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPlan } from '../../src/install/engine.ts';
import { planOnly } from '../../src/install/install.ts';
import type { Step } from '../../src/install/step.ts';
import { shippedManifests, writeSampleBundle, type SampleNode } from './sample-install.ts';
import { simulatedSite } from './simulated-site.ts';

const THREE: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage'] },
  { name: 'g1', address: '10.0.0.12', roles: ['gateway'] },
  { name: 'c1', address: '10.0.0.13', roles: ['compute'] },
];
const ONE: readonly SampleNode[] = [{ name: 'n1', address: '10.0.0.11', roles: ['manage', 'gateway', 'compute'] }];

let directory: string;
let three: readonly Step[];
let one: readonly Step[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-plan-'));
  const bundle = await writeSampleBundle(join(directory, 'shipped.tar'), await shippedManifests());
  const plan = async (nodes: readonly SampleNode[]): Promise<readonly Step[]> => {
    const site = await simulatedSite({ directory, bundle, nodes, definitions: '/opt/rainbond/conf' });
    return (await planOnly(site.options)).map(({ step }) => step);
  };
  three = await plan(THREE);
  one = await plan(ONE);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Everything that has ended well before a step starts. */
function before(steps: readonly Step[], id: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (current: string): void => {
    for (const need of steps.find((step) => step.id === current)?.needs ?? []) {
      if (found.has(need)) continue;
      found.add(need);
      visit(need);
    }
  };
  visit(id);
  return found;
}

describe('the plan of the shipped cluster', () => {
  it.each(['three hosts', 'one host'])('has every need, no id twice, and needs before what needs them, on %s', (what) => {
    const steps = what === 'one host' ? one : three;
    expect(() => checkPlan(steps)).not.toThrow();
    const ids = steps.map(({ id }) => id);
    for (const { id, needs } of steps)
      for (const need of needs) expect(ids.indexOf(need), `${need} for ${id}`).toBeLessThan(ids.indexOf(id));
  });

  it('names steps phase/host/what, by their host', () => {
    for (const { id, phase, host } of three) expect(id.startsWith(`${phase}/${host}/`)).toBe(true);
  });

  it('brings the bundle and the depot up before any host is touched', () => {
    for (const { id, phase, host } of three) {
      if (phase === 'stage-bundle' || phase === 'start-depot') expect(host).toBe('m1');
      else expect([...before(three, id)]).toContain('start-depot/m1/depot');
    }
  });

  it('prepares a host before its first component', () => {
    for (const { id, phase, host } of three) {
      if (phase.endsWith('components')) expect([...before(three, id)]).toContain(`prepare-hosts/${host}/agent`);
    }
  });

  it('starts a component only behind the gates of what it needs, on other hosts too', () => {
    const gateway = before(three, 'start-components/g1/rbd-gateway');
    for (const gate of ['g1/docker', 'm1/etcd', 'm1/rbd-hub']) expect([...gateway]).toContain(`check-components/${gate}`);
    expect([...before(three, 'start-components/m1/etcd')]).toContain('check-components/m1/docker');
    expect([...before(three, 'pull-images/c1/rbd-dns/goodrain.me/rbd-dns:latest')]).toContain('check-components/c1/docker');
  });

  it('configures a component before its packages start anything', () => {
    expect([...before(three, 'install-packages/c1/docker')]).toContain('configure-components/c1/docker');
  });

  it('gates every component on every host that runs it', () => {
    const gates = three.filter(({ phase }) => phase === 'check-components').map(({ id }) => id.slice('check-components/'.length));
    const starts = three.filter(({ phase }) => phase === 'start-components').map(({ id }) => id.slice('start-components/'.length));
    expect(gates).toEqual(starts);
    expect(gates).toHaveLength(11);
  });

  it('works on the seed alone where that is the whole cluster', () => {
    expect(new Set(one.map(({ host }) => host))).toEqual(new Set(['n1']));
    // The seed has its executable from the staged bundle.
    expect(one.map(({ id }) => id)).not.toContain('prepare-hosts/n1/executable');
  });
});
