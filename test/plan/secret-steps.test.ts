import { beforeAll, describe, expect, it } from 'vitest';
import type { Topology } from '../../src/cluster/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import type { Change } from '../../src/plan/index.ts';
import { hardManifests } from '../support/hard-cases.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { changed, made, nameOf, node, orderOf, recordWith, stepsOf, topologyOf, type Wish } from './sample-order.ts';

const PLACES = ['docker/d1', 'docker/f1', 'docker/c1', 'docker/w1', 'docker/w2', 'db/d1', 'app/f1', 'control/c1', 'worker/w1', 'worker/w2'];
/** A database whose password an application has, too, and workers of which each takes a token. */
let topology: Topology;

beforeAll(async () => {
  const hard = hardManifests();
  const action = (name: string, secret: string, each: string): string =>
    `  - { name: ${name}, summary: take it, at: secret-change, secret: ${secret}, each: ${each}, command: [set], done: [takes] }\n`;
  const withActions = (component: string, secrets: string, actions: string): readonly [string, string] => {
    const path = `components/${component}/component.yaml`;
    const text = (hard[path] ?? '').replace('actions:\n', `${secrets}actions:\n`).replace('services:\n', `${actions}services:\n`);
    return [path, text];
  };
  const texts = {
    ...hard,
    ...Object.fromEntries([
      withActions(
        'db',
        'secrets: [{ name: db-root }]\nfiles: [{ path: "${var.root}/db.password", template: db.password }]\n',
        action('set-password', 'db-root', 'cluster'),
      ),
      withActions('worker', 'secrets: [{ name: token }]\n', action('set-token', 'token', 'host') + action('tell', 'token', 'cluster')),
    ]),
    'components/db/db.password': '${secret.db-root}',
    'components/app/app.conf': 'password=${secret.db-root}\n',
  };
  const nodes = [node('d1', 'data'), node('f1', 'front'), node('c1', 'control'), node('w1', 'work'), node('w2', 'work')];
  topology = topologyOf(await loadManifests(memoryTree(texts)), nodes);
});

function stepsWith(wish: Wish) {
  return stepsOf(topology, { record: recordWith(PLACES), changedSecrets: ['db-root'], ...wish });
}

function actionsOf(wish: Wish): readonly string[] {
  return stepsWith(wish)
    .filter(({ type }) => type === 'action')
    .map(nameOf);
}

describe('a changed secret', () => {
  const changes: readonly Change[] = [changed('db/d1', 'file'), changed('app/f1', 'file'), changed('worker/w1', 'file')];

  it('is taken by the running program before any file of those that use it changes', () => {
    const steps = stepsWith({ changes });
    expect(orderOf(steps, /db-before|set-password|configure/)).toEqual([
      'gate d1/db-before-db-root',
      'd1/db-set-password < gate d1/db-before-db-root',
      'd1/db-configure < d1/db-set-password',
      'f1/app-configure < d1/db-set-password',
      'w1/worker-configure',
    ]);
  });

  it('is taken by each host, and once for what is said to the whole cluster', () => {
    const steps = stepsWith({ changedSecrets: ['token'], changes });
    expect(steps.map(nameOf).filter((name) => /set|tell/.test(name) && !name.endsWith('settle'))).toEqual([
      'w1/worker-set-token',
      'w1/worker-tell',
      'w2/worker-set-token',
    ]);
    expect(orderOf(steps, /w1.worker-(set|tell|configure)/)).toEqual([
      'w1/worker-set-token < gate w1/worker-before-token',
      'w1/worker-tell < w1/worker-set-token',
      'w1/worker-configure < w1/worker-tell, w2/worker-set-token',
    ]);
  });

  it('is one of several, each behind a gate of its own', () => {
    const steps = stepsWith({ changedSecrets: ['token', 'db-root'] });
    expect(steps.filter(({ id }) => id.includes('-before-')).map(nameOf)).toEqual([
      'gate d1/db-before-db-root',
      'gate w1/worker-before-token',
      'gate w2/worker-before-token',
    ]);
  });

  it('is taken after its start by a program that does not run yet, because its data may be older', () => {
    const record = recordWith(PLACES.filter((place) => place !== 'db/d1'));
    const steps = stepsWith({ record, changes: [made('db/d1', 'definition'), changed('app/f1', 'file')] });
    expect(orderOf(steps, /d1.db|app-configure/)).toEqual([
      'd1/db-start < gate d1/docker',
      'gate d1/db < d1/db-start',
      'd1/db-init < gate d1/db',
      'd1/db-set-password < gate d1/db',
      'f1/app-configure',
    ]);
  });

  it('has no step where it is another one, or none', () => {
    for (const changedSecrets of [[], ['unknown']]) expect(actionsOf({ changedSecrets })).toEqual(['d1/db-init']);
    expect(stepsOf(topology, { record: recordWith(PLACES), changes }).filter(({ id }) => id.includes('set-'))).toEqual([]);
  });
});
