import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanStep } from '../../src/plan/index.ts';
import { planInstall } from '../../src/usecases/index.ts';
import { shippedManifests, writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import { simulatedSite } from '../support/simulated-site.ts';

const THREE: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage'] },
  { name: 'g1', address: '10.0.0.12', roles: ['gateway'] },
  { name: 'c1', address: '10.0.0.13', roles: ['compute'] },
];
const MANAGERS: readonly SampleNode[] = [
  { name: 'm1', address: '10.0.0.11', roles: ['manage', 'gateway', 'compute'] },
  { name: 'm2', address: '10.0.0.12', roles: ['manage'] },
  { name: 'm3', address: '10.0.0.13', roles: ['manage'] },
];
const ONE: readonly SampleNode[] = [{ name: 'n1', address: '10.0.0.11', roles: ['manage', 'gateway', 'compute'] }];

let directory: string;
let three: readonly PlanStep[];
let one: readonly PlanStep[];
let managers: readonly PlanStep[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-plan-'));
  const bundle = await writeSampleBundle(join(directory, 'shipped.tar'), await shippedManifests());
  const plan = async (nodes: readonly SampleNode[]): Promise<readonly PlanStep[]> => {
    const site = await simulatedSite({ directory, bundle, nodes, definitions: '/opt/rainbond/conf' });
    return (await planInstall(site.options)).plan.steps;
  };
  three = await plan(THREE);
  one = await plan(ONE);
  managers = await plan(MANAGERS);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Ids of everything that has ended well before a step starts. */
function before(steps: readonly PlanStep[], id: string): readonly string[] {
  const found = new Set<PlanStep>();
  const visit = (step: PlanStep): void => {
    for (const need of step.needs) {
      if (found.has(need)) continue;
      found.add(need);
      visit(need);
    }
  };
  const start = steps.find((step) => step.id === id);
  if (start === undefined) throw new Error(`there is no step ${id} among ${steps.map((step) => step.id).join(', ')}`);
  visit(start);
  return [...found].map((step) => step.id);
}

function idsOf(steps: readonly PlanStep[], phase: string): readonly string[] {
  return steps.filter((step) => step.phase === phase).map(({ id }) => id.slice(phase.length + 1));
}

describe('the plan of the shipped cluster', () => {
  it.each(['three hosts', 'one host'])('has every need, no id twice, and needs before what needs them, on %s', (what) => {
    const steps = what === 'one host' ? one : three;
    expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
    for (const [index, { id, needs }] of steps.entries()) {
      for (const need of needs) {
        expect(steps.indexOf(need), `${need.id} for ${id}`).toBeGreaterThanOrEqual(0);
        expect(steps.indexOf(need), `${need.id} for ${id}`).toBeLessThan(index);
      }
    }
  });

  it('gives a host the images that its components only name', () => {
    const images = (host: string): readonly string[] =>
      three.filter((step) => step.host === host && step.phase === 'pull-images').map(({ summary }) => summary);
    expect(images('c1').join()).toContain('goodrain.me/pause-amd64:3.0');
    expect(images('m1').join()).not.toContain('goodrain.me/pause-amd64:3.0');
  });

  it('names steps phase/host/what, by their host', () => {
    for (const { id, phase, host } of three) expect(id.startsWith(`${phase}/${host}/`)).toBe(true);
  });

  it('notes what a host will have before anything is done there, and what it has after everything', () => {
    for (const host of ['m1', 'g1', 'c1']) {
      const own = three.filter((step) => step.host === host && step.phase !== 'record').map(({ id }) => id);
      for (const id of own) if (!id.startsWith('check-components/')) expect(before(three, id), id).toContain(`record/${host}/claim`);
      expect(before(three, `record/${host}/settle`)).toEqual(expect.arrayContaining(own));
    }
  });

  it('brings the bundle and the depot up before any host is touched', () => {
    for (const { id, phase, host } of three) {
      if (phase === 'stage-bundle' || phase === 'start-depot') expect(host).toBe('m1');
      else if (phase !== 'record') expect(before(three, id)).toContain('start-depot/m1/answers');
    }
  });

  it('prepares a host before its first component', () => {
    for (const { id, phase, host } of three) {
      if (phase.endsWith('components')) expect(before(three, id)).toContain(`prepare-hosts/${host}/caisson-start`);
    }
  });

  it('starts a component only behind the gates of what it needs, on other hosts too', () => {
    const gateway = before(three, 'start-components/g1/rbd-gateway-start');
    for (const gate of ['g1/docker', 'm1/etcd', 'm1/rbd-hub']) expect(gateway).toContain(`check-components/${gate}`);
    expect(before(three, 'start-components/m1/etcd-start')).toContain('check-components/m1/docker');
    expect(before(three, 'pull-images/c1/rbd-dns-images')).toContain('check-components/c1/docker');
  });

  it('configures a component before its packages start anything', () => {
    expect(before(three, 'install-packages/c1/docker-packages')).toContain('configure-components/c1/docker-configure');
  });

  it('gates every component on every host that runs it', () => {
    const gates = idsOf(three, 'check-components');
    expect(gates).toEqual(idsOf(three, 'start-components').map((id) => id.replace(/-start$/, '')));
    expect(gates).toHaveLength(32);
  });

  it('founds etcd on all managers at once, each a member from its first start', () => {
    const starts = ['m1', 'm2', 'm3'].map((host) => `start-components/${host}/etcd-start`);
    for (const id of starts) expect(before(managers, id).filter((other) => starts.includes(other))).toEqual([]);
    expect(idsOf(managers, 'actions').filter((id) => id.includes('etcd-add-member'))).toEqual([]);
    for (const host of ['m1', 'm2', 'm3']) {
      expect(before(managers, `actions/${host}/etcd-promote-member`)).toContain(`check-components/${host}/etcd`);
    }
  });

  it('restarts and removes nothing at a first install', () => {
    expect(three.flatMap((step) => (step.type === 'make' ? step.restarts : []))).toEqual([]);
    expect(three.filter(({ type }) => type === 'remove')).toEqual([]);
  });

  it('works on the seed alone where that is the whole cluster', () => {
    expect(new Set(one.map(({ host }) => host))).toEqual(new Set(['n1']));
    // The seed has its program from the staged bundle.
    expect(one.map(({ id }) => id)).not.toContain('prepare-hosts/n1/caisson-executable');
    expect(one.map(({ id }) => id)).toContain('stage-bundle/n1/caisson-seed-executable');
  });
});
