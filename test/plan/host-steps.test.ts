import { beforeAll, describe, expect, it } from 'vitest';
import type { Topology } from '../../src/cluster/index.ts';
import type { Manifests } from '../../src/manifests/index.ts';
import type { PlanStep } from '../../src/plan/index.ts';
import { OWNERS } from '../../src/resources/index.ts';
import type { SiteRecord } from '../../src/site/index.ts';
import { before, changed, made, nameOf, node, orderManifests, orderOf, recordWith, removed, stepsOf, topologyOf } from './sample-order.ts';

const WORKS = ['docker/c1', 'docker/w1', 'docker/w2', 'control/c1', 'worker/w1', 'worker/w2'];
let manifests: Manifests;
/** A host that gives work, and two workers. */
let works: Topology;

beforeAll(async () => {
  manifests = await orderManifests();
  works = topologyOf(manifests, [node('c1', 'control'), node('w1', 'work'), node('w2', 'work')]);
});

function stepOf(steps: readonly PlanStep[], name: string): PlanStep {
  const found = steps.find((step) => nameOf(step) === name);
  if (found === undefined) throw new Error(`there is no ${name} among ${steps.map(nameOf).join(', ')}`);
  return found;
}

describe('a host that an operator cordoned', () => {
  const cordoned = (more: { readonly untilStart?: true }): SiteRecord => {
    const record = recordWith(WORKS);
    const host = { address: '10.0.0.12', roles: [], owned: record.hosts['w1']?.owned ?? [] };
    return { ...record, hosts: { ...record.hosts, w1: { ...host, cordoned: { since: 't', by: 'operator', ...more } } } };
  };
  const changes = ['w1', 'w2'].map((host) => changed(`worker/${host}`, 'definition'));

  it.each<readonly [string, { readonly untilStart?: true }, string]>([
    ['is cordoned again behind the action that gives it work', {}, 'cordon'],
    ['is uncordoned there where that was for a machine that was down', { untilStart: true }, 'uncordon'],
  ])('%s', (_, more, action) => {
    expect(orderOf(stepsOf(works, { record: cordoned(more), changes }), /worker-(un)?(drain$|cordon)|w2.worker-drain/)).toEqual([
      'w1/worker-undrain < gate w1/worker',
      `w1/worker-${action} < w1/worker-undrain`,
      `w2/worker-drain-worker-start < gate w2/docker, w1/worker-${action}`,
      'w2/worker-undrain < gate w2/worker',
    ]);
  });
});

describe('the key of the site on a host', () => {
  it('comes before all else of the host, and without a wait for the depot', () => {
    const steps = stepsOf(works, { changes: [made('caisson-login/w1', 'login-key'), made('caisson/w1', 'file')] });
    const [first = '', second] = orderOf(steps, /w1.caisson/);
    expect(second).toBe(`w1/caisson-configure < ${first}`);
    expect(stepOf(steps, first).needs.map(nameOf)).toEqual(['w1/claim']);
    expect(before(stepOf(steps, 'gate w1/docker'))).toContain(stepOf(steps, first));
  });

  it('goes after the host is let go, so that a killed run can go on there', () => {
    const left = topologyOf(manifests, [node('c1', 'control'), node('w1', 'work')]);
    const changes = [removed(`${OWNERS.login}/w2`), removed('caisson/w2'), removed(`${OWNERS.login}/w1`)];
    const steps = stepsOf(left, { record: recordWith(WORKS), changes, recordHosts: ['w1', 'w2'] });
    const login = stepOf(steps, `remove w2/${OWNERS.login}`);
    expect(login.needs).toEqual([stepOf(steps, 'w2/release')]);
    expect(login.summary).toBe('take away the key of the site, by which the seed logged in');
    expect(before(stepOf(steps, 'w2/release'))).toContain(stepOf(steps, 'remove w2/caisson'));
    // On a host that stays it goes with the rest.
    expect(before(stepOf(steps, 'w1/settle'))).toContain(stepOf(steps, `remove w1/${OWNERS.login}`));
    expect(steps.filter(({ id }) => id.endsWith(`/${OWNERS.login}`))).toHaveLength(2);
  });
});

describe('copies of the bundle on hosts', () => {
  it('are made when all components are healthy, one host after the other', () => {
    const changes = [
      made('caisson/w1', 'bundle'),
      made('caisson/c1', 'bundle'),
      made('caisson/w1', 'file'),
      made('worker/w1', 'definition'),
    ];
    const steps = stepsOf(works, { changes });
    expect(orderOf(steps, /caisson-bundle/)).toEqual([
      'c1/caisson-bundle < gate w2/worker, w1/worker-undrain',
      'w1/caisson-bundle < c1/caisson-bundle',
    ]);
    expect(before(stepOf(steps, 'c1/caisson-bundle'))).toContain(stepOf(steps, 'c1/claim'));
    expect(before(stepOf(steps, 'w1/caisson-bundle'))).toContain(stepOf(steps, 'w1/caisson-configure'));
  });

  it('wait for the one before also where a host between them gets none', () => {
    const steps = stepsOf(works, { changes: [made('caisson/c1', 'bundle'), made('caisson/w2', 'bundle')] });
    expect(orderOf(steps, /w2.caisson-bundle/)).toEqual(['w2/caisson-bundle < c1/caisson-bundle']);
  });
});

describe('bundles that nothing needs any more', () => {
  const bundleOf = (place: string, key: string) =>
    removed(place, { owned: { kind: 'bundle', key, owner: place.slice(0, place.indexOf('/')) } });

  it('go after all else, when the record says which bundle is in force', () => {
    const steps = stepsOf(works, {
      recordHosts: ['seed', 'w1'],
      changes: [
        bundleOf('caisson-seed/seed', '/b/1'),
        bundleOf('caisson/w1', '/b/1'),
        bundleOf('caisson/w1', '/b/0'),
        removed('worker/w9'),
      ],
    });
    const noted = stepOf(steps, 'seed/in-force');
    expect(noted).toMatchObject({ type: 'in-force', phase: 'prune-bundles', host: 'seed', summary: 'note which bundle is in force' });
    expect(noted.needs).toEqual(steps.slice(0, steps.indexOf(noted)));
    expect(noted.needs.map(nameOf)).toContain('remove w9/worker');
    const pruned = steps.filter(({ phase, type }) => phase === 'prune-bundles' && type === 'remove');
    expect(pruned.map(({ id, host, summary }) => [id, host, summary])).toEqual([
      ['prune-bundles/seed/bundles', 'seed', 'remove bundles that nothing needs any more: /b/1'],
      ['prune-bundles/w1/bundles', 'w1', 'remove bundles that nothing needs any more: /b/1, /b/0'],
    ]);
    expect(pruned).toMatchObject([{ owner: OWNERS.seed }, { owner: OWNERS.host, removals: [{}, {}] }]);
    for (const step of pruned) expect(step.needs).toEqual([noted]);
    expect(stepOf(steps, 'w1/settle').needs).toContain(pruned[1]);
  });

  it('go with the host where it leaves whole, and with the seed at a reset', () => {
    const left = stepsOf(works, { changes: [bundleOf('caisson/w9', '/b/1')], recordHosts: ['w9'] });
    const reset = stepsOf(topologyOf(manifests, []), { changes: [bundleOf('caisson-seed/seed', '/b/1')], recordHosts: ['seed'] });
    for (const steps of [left, reset]) expect(steps.filter(({ phase }) => phase === 'prune-bundles')).toEqual([]);
    expect(left.map(nameOf)).toContain('remove w9/caisson');
    expect(reset.map(nameOf)).toContain('remove seed/caisson-seed');
  });

  it('stay on a host that is forgotten, and have no step where there are none', () => {
    const forgotten = { forgotten: new Set(['w1']), recordHosts: [] };
    const steps = stepsOf(works, { ...forgotten, changes: [bundleOf('caisson/w1', '/b/1'), bundleOf('caisson/w2', '/b/1')] });
    expect(steps.filter(({ phase }) => phase === 'prune-bundles').map(nameOf)).toEqual(['seed/in-force', 'w2/bundles']);
    expect(stepsOf(works, {}).filter(({ phase }) => phase === 'prune-bundles')).toEqual([]);
  });
});
