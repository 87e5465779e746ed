import { beforeAll, describe, expect, it } from 'vitest';
import type { Topology } from '../../src/cluster/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import type { Change, PlanStep } from '../../src/plan/index.ts';
import type { RecordedOperation, SiteRecord } from '../../src/site/index.ts';
import { hardManifests } from '../support/hard-cases.ts';
import { memoryTree } from '../support/memory-tree.ts';
import {
  before,
  changed,
  made,
  nameOf,
  NEW,
  node,
  OLD,
  orderManifests,
  orderOf,
  recordWith,
  removed,
  stepsOf,
  topologyOf,
  type Wish,
} from './sample-order.ts';

let manifests: Manifests;
/** A database and what uses it. */
let tables: Topology;
/** What gives work, and two workers. */
let works: Topology;
/** A quorum of three, and what reads it. */
let stores: Topology;

const INSTALL: RecordedOperation = { run: 'r', operation: 'install', started: '2026-01-01T00:00:00Z' };
const TABLES = ['docker/d1', 'docker/f1', 'db/d1', 'app/f1'];
const WORKS = ['docker/c1', 'docker/w1', 'docker/w2', 'control/c1', 'worker/w1', 'worker/w2'];

beforeAll(async () => {
  manifests = await orderManifests();
  tables = topologyOf(manifests, [node('d1', 'data'), node('f1', 'front')]);
  works = topologyOf(manifests, [node('c1', 'control'), node('w1', 'work'), node('w2', 'work')]);
  stores = topologyOf(manifests, [node('s1', 'store'), node('s2', 'store'), node('s3', 'store'), node('r1', 'read')]);
});

function stepOf(steps: readonly PlanStep[], name: string): PlanStep {
  const found = steps.find((step) => nameOf(step) === name);
  if (found === undefined) throw new Error(`there is no ${name} among ${steps.map(nameOf).join(', ')}`);
  return found;
}

/** Names of the steps that restart something, with what restarts. */
function restartsOf(steps: readonly PlanStep[]): readonly string[] {
  return steps.flatMap((step) => (step.type === 'make' && step.restarts.length > 0 ? [`${nameOf(step)}: ${step.restarts.join(' ')}`] : []));
}

function summaryOf(steps: readonly PlanStep[], name: string): string {
  return stepOf(steps, name).summary;
}

describe('the order of a first install', () => {
  const stages = (place: string): readonly Change[] =>
    (['directory', 'package', 'image', 'artifact', 'definition'] as const).map((kind) => made(place, kind));

  it('goes by stages, and starts nothing before what it needs is healthy and made', () => {
    const hosts = ['d1', 'f1'].flatMap((host) => [
      made(`caisson/${host}`, 'file'),
      made(`caisson/${host}`, 'package-source'),
      made(`docker/${host}`, 'unit'),
    ]);
    const seed = (['bundle', 'executable', 'file', 'unit'] as const).map((kind) => made('caisson-seed/seed', kind));
    const changes = [...seed, ...hosts, ...stages('db/d1'), ...stages('app/f1')];
    const steps = stepsOf(tables, { changes, recordHosts: ['seed', 'd1', 'f1'] });
    expect(orderOf(steps)).toEqual([
      'seed/caisson-seed-bundle',
      'seed/caisson-seed-executable < seed/caisson-seed-bundle',
      'seed/caisson-seed-configure < seed/caisson-seed-executable',
      'seed/caisson-seed-start < seed/caisson-seed-configure',
      'd1/caisson-configure',
      'd1/caisson-source < d1/caisson-configure',
      'f1/caisson-configure',
      'f1/caisson-source < f1/caisson-configure',
      'd1/docker-start < d1/caisson-source',
      'gate d1/docker < d1/docker-start',
      'f1/docker-start < f1/caisson-source',
      'gate f1/docker < f1/docker-start',
      'd1/db-configure < d1/caisson-source',
      'd1/db-packages < d1/db-configure',
      'd1/db-images < d1/db-packages, gate d1/docker',
      'd1/db-artifacts < d1/db-images',
      'd1/db-start < d1/db-artifacts',
      'gate d1/db < d1/db-start',
      'd1/db-init < gate d1/db',
      'f1/app-configure < f1/caisson-source',
      'f1/app-packages < f1/app-configure',
      'f1/app-images < d1/db-init, f1/app-packages, gate f1/docker',
      'f1/app-artifacts < f1/app-images',
      'f1/app-start < f1/app-artifacts',
      'gate f1/app < f1/app-start',
    ]);
    expect(restartsOf(steps)).toEqual([]);
    expect(summaryOf(steps, 'gate f1/app')).toBe('wait until app is healthy');
  });

  it('has the depot answer before any other host is claimed, and each host claimed before it is changed', () => {
    const changes = [made('caisson-seed/seed', 'unit'), made('caisson/d1', 'file'), made('app/f1', 'definition')];
    const steps = stepsOf(tables, { changes, recordHosts: ['f1', 'seed', 'd1'] });
    const isBefore = (name: string, later: string): boolean => before(stepOf(steps, later)).has(stepOf(steps, name));
    expect(isBefore('seed/claim', 'seed/caisson-seed-start')).toBe(true);
    expect(isBefore('seed/caisson-seed-start', 'seed/answers')).toBe(true);
    for (const host of ['d1', 'f1']) expect(isBefore('seed/answers', `${host}/claim`)).toBe(true);
    expect(isBefore('d1/claim', 'd1/caisson-configure')).toBe(true);
    expect(isBefore('f1/claim', 'f1/app-start')).toBe(true);
    expect(isBefore('seed/answers', 'gate d1/docker')).toBe(true);
    for (const host of ['d1', 'f1', 'seed']) {
      const others = steps.filter((step) => step.host === host && !nameOf(step).endsWith('/settle'));
      expect(stepOf(steps, `${host}/settle`).needs).toEqual(others);
    }
  });

  it('waits for the depot although nothing changes on the seed', () => {
    const steps = stepsOf(tables, { recordHosts: ['seed', 'd1'] });
    expect(stepOf(steps, 'seed/answers').needs).toEqual([stepOf(steps, 'seed/claim')]);
    expect(stepOf(stepsOf(tables, {}), 'seed/answers').needs).toEqual([]);
    expect(stepsOf(tables, { recordHosts: [] }).filter(({ type }) => type === 'record')).toEqual([]);
  });

  it('claims a seed that is a node once, and before its depot', () => {
    const changes = [made('caisson-seed/d1', 'unit'), made('caisson/d1', 'file')];
    const steps = stepsOf(tables, { changes, seed: 'd1', recordHosts: ['f1', 'd1'] });
    const records = steps.filter(({ type }) => type === 'record').map(nameOf);
    expect(records).toEqual(['d1/claim', 'f1/claim', 'f1/settle', 'd1/settle']);
    expect(before(stepOf(steps, 'd1/caisson-seed-start'))).toEqual(new Set([stepOf(steps, 'd1/claim')]));
    expect(before(stepOf(steps, 'd1/caisson-configure'))).toContain(stepOf(steps, 'd1/answers'));
  });

  it('makes what a component uses of another one before it starts', () => {
    const both = topologyOf(manifests, [node('n1', 'data', 'control')]);
    const changes = [made('control/n1', 'image', { key: 'shared' }), made('db/n1', 'definition')];
    const order = (ids: readonly string[]) => orderOf(stepsOf(both, { changes, uses: new Map([['n1/db', ids]]) }), /db-start/);
    expect(order(['image shared', 'file unknown'])).toEqual(['n1/db-start < n1/control-images']);
    expect(order([])).toEqual(['n1/db-start < gate n1/docker']);
  });

  it('waits for as many hosts as a need asks for, whichever they are', () => {
    const changes = [...['s1', 's2', 's3'].map((host) => made(`store/${host}`, 'definition')), made('reader/r1', 'definition')];
    const steps = stepsOf(stores, { changes });
    expect(orderOf(steps, /reader|store/)).toEqual([
      's1/store-start < gate s1/docker',
      'gate s1/store < s1/store-start',
      's2/store-start < gate s2/docker',
      'gate s2/store < s2/store-start',
      's3/store-start < gate s3/docker',
      'gate s3/store < s3/store-start',
      'gate r1/reader-needs-store',
      'r1/reader-start < gate r1/docker, gate r1/reader-needs-store',
      'gate r1/reader < r1/reader-start',
    ]);
    const quorum = stepOf(steps, 'gate r1/reader-needs-store');
    expect(quorum).toMatchObject({ type: 'quorum', count: 1, host: 'r1', summary: 'wait until 1 of 3 hosts have a healthy store' });
    if (quorum.type !== 'quorum') throw new Error('it is a quorum');
    expect(quorum.follows).toEqual(['s1', 's2', 's3'].map((host) => stepOf(steps, `${host}/store-start`)));
    expect(quorum.placements.map(({ id }) => id)).toEqual(['store/s1', 'store/s2', 'store/s3']);
  });
});

describe('the order of an upgrade', () => {
  const changes = [changed('db/d1', 'image'), changed('db/d1', 'definition'), changed('app/f1', 'file'), changed('app/f1', 'definition')];
  const release = { db: NEW, app: NEW, docker: OLD };

  function actionsOf(wish: Wish): readonly string[] {
    return stepsOf(tables, { changes, releases: release, record: recordWith(TABLES), ...wish })
      .filter(({ type }) => type === 'action')
      .map(nameOf);
  }

  it('runs what goes before it from the new images, before anything else of the component and of its users changes', () => {
    const steps = stepsOf(tables, { changes, releases: release, record: recordWith(TABLES) });
    expect(orderOf(steps)).toEqual([
      'gate d1/docker',
      'gate f1/docker',
      'd1/db-images < gate d1/docker',
      'd1/db-migrate < d1/db-images',
      'd1/db-start < d1/db-migrate',
      'gate d1/db < d1/db-start',
      'd1/db-init < gate d1/db',
      'f1/app-configure < d1/db-migrate',
      'f1/app-start < d1/db-init, f1/app-configure, gate f1/docker',
      'gate f1/app < f1/app-start',
    ]);
    expect(restartsOf(steps)).toEqual(['d1/db-start: db', 'f1/app-start: app']);
    expect(summaryOf(steps, 'd1/db-migrate')).toBe('bring the tables to the new version (before-upgrade of db)');
    expect(summaryOf(steps, 'gate f1/app')).toBe('wait until app is healthy again');
  });

  const doneWith = (action: string, changes_: Partial<SiteRecord['actions'][number]> = {}): Partial<SiteRecord> => ({
    actions: [{ component: 'db', action, release: NEW, time: 't', ...changes_ }],
  });

  it.each<readonly [string, Wish, readonly string[]]>([
    ['all actions of a new release', {}, ['d1/db-migrate', 'd1/db-init']],
    ['none before an upgrade when it goes back', { goesBack: true }, ['d1/db-init']],
    ['none before an upgrade to the same release', { releases: { db: OLD } }, ['d1/db-init']],
    ['none before an upgrade of an unknown release', { releases: {} }, ['d1/db-init']],
    ['none before an upgrade of what was not there', { record: recordWith(TABLES, { components: {} }) }, ['d1/db-init']],
    ['none before an upgrade that was done', { record: recordWith(TABLES, doneWith('migrate')) }, ['d1/db-init']],
    [
      'those that were done for another release',
      { record: recordWith(TABLES, doneWith('migrate', { release: OLD })) },
      ['d1/db-migrate', 'd1/db-init'],
    ],
    [
      'those that another component did',
      { record: recordWith(TABLES, doneWith('init', { component: 'app' })) },
      ['d1/db-migrate', 'd1/db-init'],
    ],
    [
      'none of the cluster that was done for another host',
      { record: recordWith(TABLES, doneWith('init', { host: 'd9' })) },
      ['d1/db-migrate'],
    ],
    ['none that was done for another release once', { record: recordWith(TABLES, doneWith('init', { release: OLD })) }, ['d1/db-migrate']],
  ])('has %s', (_, wish, expected) => {
    expect(actionsOf(wish)).toEqual(expected);
  });

  it('runs actions of each host on every host that ran it, and restarts all at once where the manifest says so', () => {
    const batches = topologyOf(manifests, [node('b1', 'batch'), node('b2', 'batch'), node('b3', 'batch')]);
    const record = recordWith(['docker/b1', 'docker/b2', 'batch/b1', 'batch/b2'], {
      actions: [{ component: 'batch', action: 'prepare', host: 'b1', release: OLD, time: 't' }],
    });
    const steps = stepsOf(batches, {
      record,
      releases: { batch: NEW },
      changes: [...['b1', 'b2'].map((host) => changed(`batch/${host}`, 'definition')), made('batch/b3', 'definition')],
    });
    expect(orderOf(steps, /batch/)).toEqual([
      'b1/batch-convert < gate b1/docker',
      'b1/batch-stop-batch-start < b1/batch-convert',
      'b1/batch-start < b1/batch-stop-batch-start',
      'gate b1/batch < b1/batch-start',
      'b2/batch-convert < gate b2/docker',
      'b2/batch-stop-batch-start < b1/batch-convert, b2/batch-convert',
      'b2/batch-start < b2/batch-stop-batch-start',
      'gate b2/batch < b2/batch-start',
      'b2/batch-prepare < gate b2/batch',
      'b3/batch-start < b1/batch-convert, b2/batch-convert, gate b3/docker',
      'gate b3/batch < b3/batch-start',
      'b3/batch-prepare < gate b3/batch',
    ]);
    expect(stepOf(steps, 'b2/batch-stop-batch-start')).toMatchObject({ runner: 'seed', summary: 'say so on seed (before-stop of batch)' });
  });
});

describe('the order of restarts', () => {
  it('has hosts take turns: each is stopped well, and healthy again before the next', () => {
    const steps = stepsOf(works, {
      record: recordWith(WORKS),
      changes: ['w1', 'w2'].map((host) => changed(`worker/${host}`, 'definition')),
    });
    expect(orderOf(steps, /worker/)).toEqual([
      'w1/worker-drain-worker-start < gate c1/control, gate w1/docker',
      'w1/worker-start < w1/worker-drain-worker-start',
      'gate w1/worker < w1/worker-start',
      'w1/worker-undrain < gate w1/worker',
      'w2/worker-drain-worker-start < gate w2/docker, w1/worker-undrain',
      'w2/worker-start < w2/worker-drain-worker-start',
      'gate w2/worker < w2/worker-start',
      'w2/worker-undrain < gate w2/worker',
    ]);
    const drain = stepOf(steps, 'w2/worker-drain-worker-start');
    expect(drain).toMatchObject({ runner: 'c1', summary: 'take its work away on c1 (before-stop of worker)' });
    const gate = stepOf(steps, 'gate w2/worker');
    expect(gate).toMatchObject({ summary: 'wait until worker is healthy again', after: [stepOf(steps, 'w2/worker-start')] });
  });

  const ENGINE = ['w1', 'w2'].flatMap((host) => [
    `${host}/worker-drain-docker-start`,
    `${host}/docker-start`,
    `gate ${host}/docker`,
    `gate ${host}/worker-after-docker`,
    `${host}/worker-undrain-after-docker`,
  ]);

  it.each(['docker', 'docker.service'])('counts what ends with the container engine, whose unit is %s here', (key) => {
    const steps = stepsOf(works, {
      record: recordWith(WORKS),
      changes: ['c1', 'w1', 'w2'].map((host) => changed(`docker/${host}`, 'unit', { key })),
    });
    expect(restartsOf(steps)).toEqual([
      'c1/docker-start: docker control',
      'w1/docker-start: docker worker',
      'w2/docker-start: docker worker',
    ]);
    expect(orderOf(steps)).toEqual([
      'c1/docker-start',
      'gate c1/docker < c1/docker-start',
      'gate c1/control-after-docker < c1/docker-start',
      'w1/worker-drain-docker-start < gate c1/control-after-docker, gate c1/docker',
      'w1/docker-start < w1/worker-drain-docker-start',
      'gate w1/docker < w1/docker-start',
      'gate w1/worker-after-docker < w1/docker-start',
      'w1/worker-undrain-after-docker < gate w1/worker-after-docker',
      'w2/worker-drain-docker-start < gate w1/docker, w1/worker-undrain-after-docker',
      'w2/docker-start < w2/worker-drain-docker-start',
      'gate w2/docker < w2/docker-start',
      'gate w2/worker-after-docker < w2/docker-start',
      'w2/worker-undrain-after-docker < gate w2/worker-after-docker',
      'gate c1/control < gate c1/docker',
      'gate w1/worker < gate c1/control, gate w1/docker',
      'gate w2/worker < gate c1/control, gate w2/docker',
    ]);
    expect(steps.map(nameOf)).toEqual(expect.arrayContaining(ENGINE));
  });

  it.each<readonly [string, Change]>([
    ['another unit of it changes', changed('docker/w1', 'unit', { key: 'docker.socket' })],
    ['a definition of it changes', changed('docker/w1', 'definition', { key: 'docker' })],
  ])('lets containers go on when %s, and looks after what needs it', (_, change) => {
    const steps = stepsOf(works, { record: recordWith(WORKS), changes: [change] });
    expect(restartsOf(steps)).toEqual(['w1/docker-start: docker']);
    expect(orderOf(steps, /w1.*docker/)).toEqual([
      'w1/docker-start',
      'gate w1/docker < w1/docker-start',
      'gate w1/worker-after-docker < w1/docker-start',
    ]);
  });

  it.each<readonly [string, Partial<SiteRecord>, readonly string[]]>([
    ['that somebody removed after a run', { operations: [{ ...INSTALL, outcome: 'done' }] }, ['w1/docker-start: docker worker']],
    ['that a killed run never wrote', { operations: [{ ...INSTALL, outcome: 'done' }, INSTALL] }, []],
  ])('counts a component without its service definition, %s', (_, changes, expected) => {
    const steps = stepsOf(works, {
      record: recordWith(WORKS, changes),
      changes: [made('docker/w1', 'definition'), changed('docker/w1', 'unit', { key: 'docker' })],
    });
    expect(restartsOf(steps)).toEqual(expected);
  });

  it('lets everything go on when a reload is enough', () => {
    const reload = (place: string, key?: string) => changed(place, 'unit', { isReload: true, ...(key === undefined ? {} : { key }) });
    const changes = [reload('docker/w1', 'docker.service'), reload('worker/w1'), reload('worker/w2')];
    const steps = stepsOf(works, { record: recordWith(WORKS), changes });
    expect(restartsOf(steps)).toEqual([]);
    expect(orderOf(steps, /worker/)).toEqual([
      'w1/worker-start < gate c1/control, gate w1/docker',
      'gate w1/worker < w1/worker-start',
      'w2/worker-start < gate c1/control, gate w2/docker',
      'gate w2/worker < w2/worker-start',
    ]);
    expect(summaryOf(steps, 'w1/worker-start')).toBe('reload worker');
  });

  it('takes an upgrade of the packages of a running engine for a restart of it', () => {
    const changes = [changed('docker/w1', 'package'), changed('worker/w1', 'file')];
    const steps = stepsOf(works, { record: recordWith(WORKS), changes });
    expect(restartsOf(steps)).toEqual(['w1/docker-packages: docker worker']);
    expect(orderOf(steps, /w1/)).toEqual([
      'w1/worker-drain-docker-packages',
      'w1/docker-packages < w1/worker-drain-docker-packages',
      'gate w1/docker < w1/docker-packages',
      'gate w1/worker-after-docker < w1/docker-packages',
      'w1/worker-undrain-after-docker < gate w1/worker-after-docker',
      'w1/worker-configure',
      'gate w1/worker < gate c1/control, gate w1/docker, w1/worker-configure',
    ]);
    expect(stepOf(steps, 'gate w1/docker')).toMatchObject({ after: [stepOf(steps, 'w1/docker-packages')] });
  });

  it('names what leaves the host in containers behind a restart of its engine', () => {
    const leaving = (details: Readonly<Record<string, string>>): Change =>
      removed('old/w1', { owned: { kind: 'definition', key: 'old-definition', owner: 'old', details } });
    const restartsWith = (gone: Change): readonly string[] =>
      restartsOf(stepsOf(works, { record: recordWith(WORKS), changes: [changed('docker/w1', 'package'), gone] }));
    expect(restartsWith(leaving({ services: 'old', containers: 'old' }))).toEqual(['w1/docker-packages: docker worker old']);
    expect(restartsWith(leaving({ services: 'old', containers: '' }))).toEqual(['w1/docker-packages: docker worker']);
  });

  it('waits for a component that a person stopped where it is started, not where its engine restarts', () => {
    const stopped: Change = { ...changed('worker/w1', 'definition'), isStopped: true };
    const steps = stepsOf(works, { record: recordWith(WORKS), changes: [changed('docker/w1', 'package'), stopped] });
    expect(orderOf(steps, /w1/)).toEqual([
      'w1/docker-packages',
      'gate w1/docker < w1/docker-packages',
      'w1/worker-drain-worker-start < gate c1/control, gate w1/docker',
      'w1/worker-start < w1/worker-drain-worker-start',
      'gate w1/worker < w1/worker-start',
      'w1/worker-undrain < gate w1/worker',
    ]);
  });

  it.each<readonly [string, Change, SiteRecord]>([
    ['are added', made('docker/w1', 'package'), recordWith(WORKS)],
    ['are of an engine that does not run yet', changed('docker/w1', 'package'), recordWith(['worker/w1'])],
    ['are of what has no unit', changed('worker/w1', 'package'), recordWith(WORKS)],
  ])('takes packages for no restart that %s', (_, change, record) => {
    const steps = stepsOf(works, { record, changes: [change] });
    expect(restartsOf(steps)).toEqual([]);
    expect(steps.map(nameOf).filter((name) => name.endsWith('-packages'))).toHaveLength(1);
  });

  it('has what is needed restart before its users on other hosts do', () => {
    const steps = stepsOf(works, {
      record: recordWith(WORKS),
      changes: [changed('control/c1', 'definition'), changed('worker/w1', 'definition')],
    });
    expect(orderOf(steps, /control|w1.worker/)).toEqual([
      'c1/control-start < gate c1/docker',
      'gate c1/control < c1/control-start',
      'w1/worker-drain-worker-start < gate c1/control, gate w1/docker',
      'w1/worker-start < w1/worker-drain-worker-start',
      'gate w1/worker < w1/worker-start',
      'w1/worker-undrain < gate w1/worker',
    ]);
  });

  it('starts, and does not restart, what a killed run claimed and never started', () => {
    const steps = stepsOf(works, {
      record: recordWith(WORKS),
      changes: [made('worker/w1', 'definition'), changed('worker/w2', 'definition')],
    });
    expect(restartsOf(steps)).toEqual(['w2/worker-start: worker']);
    expect(orderOf(steps, /w1.worker/)).toEqual([
      'w1/worker-start < gate c1/control, gate w1/docker',
      'gate w1/worker < w1/worker-start',
      'w1/worker-undrain < gate w1/worker',
    ]);
  });

  it.each<readonly [string, readonly Partial<RecordedOperation>[], readonly string[]]>([
    ['owes when it failed', [{ outcome: 'failed', starts: ['worker/w2'] }], ['w2/worker-undrain']],
    ['owes when it was killed', [{ starts: ['worker/w2'] }], ['w2/worker-undrain']],
    ['no longer owes when it ended well', [{ outcome: 'done', starts: ['worker/w2'] }], []],
    ['never planned', [{ outcome: 'failed', starts: [] }], []],
    ['did not know of', [{ outcome: 'failed' }], []],
    ['owed before the last', [{ outcome: 'failed', starts: ['worker/w2'] }, { outcome: 'done' }], []],
  ])('runs after-healthy actions again that the last run %s', (_, operations, expected) => {
    const record = recordWith(WORKS, { operations: operations.map((one) => ({ run: 'r', operation: 'install', started: 't', ...one })) });
    expect(
      stepsOf(works, { record })
        .filter(({ type }) => type === 'action')
        .map(nameOf),
    ).toEqual(expected);
  });
});

describe('the order of members of a quorum', () => {
  it('has new members join one by one, each while all before it are healthy', () => {
    const data = { owned: { kind: 'directory', key: '/data', owner: 'store', data: true } };
    const file = made('store/s2', 'file');
    const there = made('store/s2', 'unit', { owned: { kind: 'unit', key: 'there', owner: 'store', before: 'same' } });
    const record = recordWith(['docker/s1', 'store/s1'], { placements: { store: ['s1'] } });
    const changes: readonly Change[] = [
      ...['s2', 's3'].flatMap((host) => [
        made(`docker/${host}`, 'unit'),
        made(`store/${host}`, 'directory', data),
        made(`store/${host}`, 'definition'),
      ]),
      file,
      there,
    ];
    const steps = stepsOf(stores, { record, changes });
    expect(orderOf(steps, /store/)).toEqual([
      'gate s1/store < gate s1/docker',
      's2/store-configure',
      's2/store-join < gate s1/store, gate s2/docker, s2/store-configure',
      's2/store-start < s2/store-join',
      'gate s2/store < s2/store-start',
      's3/store-configure',
      's3/store-join < gate s2/store, gate s3/docker, s3/store-configure',
      's3/store-start < s3/store-join',
      'gate s3/store < s3/store-start',
      'gate r1/reader-needs-store',
    ]);
    // A member that runs already says how to add another.
    for (const host of ['s2', 's3']) expect(stepOf(steps, `${host}/store-join`)).toMatchObject({ runner: 's1' });
    const gate = stepOf(steps, 'gate s2/store');
    expect(gate).toMatchObject({
      summary: 'have store join once it is healthy',
      joining: { leave: [{ action: { name: 'leave' }, runner: 's1' }] },
    });
    const owned = gate.type === 'gate' ? gate.joining?.owned : undefined;
    expect(owned).toEqual([data.owned, { kind: 'definition', key: 'store-definition', owner: 'store' }]);
    expect(stepOf(steps, 'gate s1/store')).not.toHaveProperty('joining');
  });

  it.each<readonly [string, readonly string[]]>([
    ['founds a quorum that is not there', []],
    ['has nobody join who is a member', ['s1', 's2', 's3']],
  ])('%s', (_, members) => {
    const record = recordWith([], { placements: { store: [...members] } });
    const steps = stepsOf(stores, { record, changes: ['s1', 's2'].map((host) => made(`store/${host}`, 'definition')) });
    expect(steps.filter(({ type }) => type === 'action')).toEqual([]);
    expect(stepOf(steps, 's2/store-start').needs.map(nameOf)).not.toContain('gate s1/store');
  });

  it('has members leave one by one, while all that stay are healthy', () => {
    const one = topologyOf(manifests, [node('s1', 'store')]);
    const hosts = ['s1', 's2', 's3'];
    const record = recordWith(
      hosts.flatMap((host) => [`docker/${host}`, `store/${host}`]),
      { placements: { store: hosts } },
    );
    const changes = ['s2', 's3'].flatMap((host) => ['store', 'docker', 'caisson'].map((owner) => removed(`${owner}/${host}`)));
    const steps = stepsOf(one, { record, changes, recordHosts: hosts });
    expect(orderOf(steps)).toEqual([
      'gate s1/docker',
      'gate s1/store < gate s1/docker',
      's2/store-leave-leaves < gate s1/store',
      'remove s2/store < s2/store-leave-leaves',
      'gate s1/store-after-s2-left < remove s2/store',
      'remove s2/docker < gate s1/store-after-s2-left',
      'remove s2/caisson < remove s2/docker',
      's3/store-leave-leaves < gate s1/store-after-s2-left',
      'remove s3/store < s3/store-leave-leaves',
      'gate s1/store-after-s3-left < remove s3/store',
      'remove s3/docker < gate s1/store-after-s3-left',
      'remove s3/caisson < remove s3/docker',
    ]);
    expect(steps.filter(({ type }) => type === 'record').map(nameOf)).toEqual(
      expect.arrayContaining(['s1/settle', 's2/release', 's3/release']),
    );
    // These gates follow no restart: earlier probes count.
    for (const host of ['s2', 's3']) expect(stepOf(steps, `gate s1/store-after-${host}-left`)).toMatchObject({ after: [] });
    expect(summaryOf(steps, 's2/release')).toBe('let the host go: it belongs to no site any more');
    expect(summaryOf(steps, 's1/settle')).toBe('note what the site has on this host');
  });
});

describe('the order of removals', () => {
  it('has a host rid of what leaves it before a new component starts there, and of the rest when all is healthy', () => {
    const swapped = topologyOf(manifests, [node('b1', 'batch'), node('f1', 'data', 'front')]);
    const old = (owner: string) => ({ owned: { kind: 'file', key: '/old', owner } });
    const steps = stepsOf(swapped, {
      record: recordWith(['docker/b1', 'docker/f1', 'batch/f1', 'batch/b1']),
      changes: [
        removed('batch/f1'),
        removed('docker/f1', old('docker')),
        removed('batch/b1', old('batch')),
        made('db/f1', 'definition'),
        made('app/f1', 'definition'),
      ],
    });
    expect(orderOf(steps)).toEqual([
      'f1/batch-stop-leaves',
      'remove f1/batch < f1/batch-stop-leaves',
      'gate b1/docker',
      'gate f1/docker < remove f1/batch',
      'f1/db-start < gate f1/docker',
      'gate f1/db < f1/db-start',
      'f1/db-init < gate f1/db',
      'f1/app-start < f1/db-init',
      'gate f1/app < f1/app-start',
      'gate b1/batch < gate b1/docker',
      'b1/batch-prepare < gate b1/batch',
      'remove f1/docker < b1/batch-prepare, gate f1/app',
      'remove b1/batch < b1/batch-prepare, gate f1/app',
    ]);
    expect(before(stepOf(steps, 'remove f1/batch'))).toContain(stepOf(steps, 'f1/claim'));
    expect(before(stepOf(steps, 'remove b1/batch'))).toContain(stepOf(steps, 'b1/claim'));
  });

  it('removes a component after all is healthy from a host that gets no new one', () => {
    const front = topologyOf(manifests, [node('d1', 'data'), node('f1', 'front')]);
    const steps = stepsOf(front, { record: recordWith([...TABLES, 'batch/f1']), changes: [removed('batch/f1')] });
    expect(orderOf(steps, /batch/)).toEqual(['f1/batch-stop-leaves < gate f1/app', 'remove f1/batch < f1/batch-stop-leaves']);
  });

  it('takes everything away at a reset, dependents first and the seed last, without a depot', () => {
    const places = ['docker/d1', 'db/d1', 'caisson/d1', 'app/d1', 'unknown/d1', 'caisson-seed/seed', 'caisson/seed'];
    const steps = stepsOf(topologyOf(manifests, []), {
      record: recordWith(['docker/d1', 'app/d1', 'db/d1']),
      recordHosts: ['seed', 'd1'],
      changes: places.map((place) => removed(place)),
    });
    expect(orderOf(steps)).toEqual([
      'remove d1/unknown',
      'remove d1/app < remove d1/unknown',
      'remove d1/db < remove d1/app',
      'remove d1/docker < remove d1/db',
      'remove d1/caisson < remove d1/docker',
      'remove seed/caisson',
      'remove seed/caisson-seed < remove seed/caisson',
    ]);
    expect(steps.filter(({ type }) => type === 'depot')).toEqual([]);
    expect(steps.filter(({ type }) => type === 'record').map(nameOf)).toEqual(['seed/claim', 'd1/claim', 'seed/release', 'd1/release']);
    expect(summaryOf(steps, 'remove seed/caisson-seed')).toBe('remove the depot and its bundles');
    expect(summaryOf(steps, 'remove d1/caisson')).toBe('remove what the site has on this host');
    expect(summaryOf(steps, 'remove d1/app')).toBe('remove app');
  });

  it('does nothing on a host that is forgotten, and what others do for it', () => {
    const left = topologyOf(manifests, [node('c1', 'control'), node('w1', 'work')]);
    const changes = ['worker', 'docker', 'caisson'].map((owner) => removed(`${owner}/w2`));
    const steps = stepsOf(left, { record: recordWith(WORKS), forgotten: new Set(['w2']), changes, recordHosts: ['c1', 'w1'] });
    expect(orderOf(steps, /w2/)).toEqual(['w2/worker-drain-leaves < gate w1/worker']);
    expect(stepOf(steps, 'w2/worker-drain-leaves')).toMatchObject({ runner: 'c1' });
  });

  it('asks nothing of a host that is forgotten', () => {
    const left = topologyOf(manifests, [node('b2', 'batch')]);
    const record = recordWith(['docker/b1', 'batch/b1', 'docker/b2', 'batch/b2']);
    const steps = stepsOf(left, {
      seed: 'b1',
      record,
      forgotten: new Set(['b1']),
      changes: [changed('batch/b2', 'definition')],
      recordHosts: ['b2'],
    });
    expect(steps.filter(({ id }) => id.includes('batch-stop'))).toEqual([]);
  });

  it('removes a component behind those of other hosts that need it, and not behind those that have one of their own', () => {
    const places = ['docker/d1', 'db/d1', 'docker/f1', 'app/f1'];
    const steps = stepsOf(topologyOf(manifests, []), {
      record: recordWith(places),
      recordHosts: ['seed', 'd1', 'f1'],
      changes: places.map((place) => removed(place)),
    });
    expect([...before(stepOf(steps, 'remove d1/db'))]).toContain(stepOf(steps, 'remove f1/app'));
    expect(stepOf(steps, 'remove d1/docker').needs).not.toContain(stepOf(steps, 'remove f1/app'));
    expect([...before(stepOf(steps, 'remove f1/docker'))]).not.toContain(stepOf(steps, 'remove d1/docker'));
  });

  it('makes what a component keeps below a mount behind the gate of the mount', async () => {
    const docker = 'components/docker/component.yaml';
    const mounting = await loadManifests(
      memoryTree({ ...hardManifests(), [docker]: `${hardManifests()[docker] ?? ''}mounts: [{ path: /mnt, what: share, type: nfs }]\n` }),
    );
    const changes = [made('docker/f1', 'mount'), made('docker/f1', 'package'), made('app/f1', 'directory'), made('db/d1', 'directory')];
    const steps = stepsOf(topologyOf(mounting, [node('d1', 'data'), node('f1', 'front')]), { changes });
    const mount = stepOf(steps, 'f1/docker-mounts');
    expect([...before(mount)].map(nameOf)).toContain('f1/docker-packages');
    expect([...before(stepOf(steps, 'f1/app-configure'))]).toEqual(expect.arrayContaining([mount, stepOf(steps, 'gate f1/docker')]));
    expect([...before(stepOf(steps, 'd1/db-configure'))]).not.toContain(mount);
  });

  it('leaves alone data that an earlier run left there', () => {
    const kept = removed('db/d1', { end: 'kept', owned: { kind: 'directory', key: '/data', owner: 'db', data: true, kept: true } });
    expect(stepsOf(topologyOf(manifests, [node('c1', 'control')]), { changes: [kept] }).filter(({ type }) => type === 'remove')).toEqual(
      [],
    );
  });

  const gone = { owned: { kind: 'file', key: '/gone', owner: '' }, end: 'gone' } as const;
  const kept = { owned: { kind: 'directory', key: '/kept', owner: '', data: true }, end: 'kept' } as const;
  const left = { owned: { kind: 'file', key: '/left', owner: '' }, end: 'left' } as const;

  it.each([
    ['db/d1', [gone], 'remove from db what is not wanted any more: /gone'],
    ['db/d1', [gone, kept, left], 'remove from db what is not wanted any more: /gone; data stay in /kept'],
    ['caisson/d1', [gone], 'remove from this host what is not wanted any more: /gone'],
    ['caisson-seed/d1', [gone], 'remove from the seed what is not wanted any more: /gone'],
    ['db/d1', [left, kept], 'let go of what db does not need any more, and leave it there: /left, /kept'],
    ['db/d1', [kept], 'let go of what db does not need any more, and leave it there: /kept'],
    ['app/d1', [kept], 'remove app; data stay in /kept'],
    ['caisson/x1', [gone, kept], 'remove what the site has on this host; data stay in /kept'],
  ] as const)('says of %s what goes, what stays and where', (place, ends, summary) => {
    const [owner = '', host = ''] = place.split('/');
    const steps = stepsOf(tables, {
      seed: 'd1',
      record: recordWith(['docker/d1', 'db/d1', 'app/d1', 'docker/x1']),
      changes: ends.map((end) => removed(place, { ...end, owned: { ...end.owned, owner } })),
    });
    expect(summaryOf(steps, `remove ${host}/${owner}`)).toBe(summary);
  });
});
