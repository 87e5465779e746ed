import { beforeAll, describe, expect, it } from 'vitest';
import type { Topology } from '../../src/cluster/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import type { Change, PlanStep } from '../../src/plan/index.ts';
import type { SiteRecord } from '../../src/site/index.ts';
import { cordonActions, hardManifests } from '../support/hard-cases.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { before, changed, made, nameOf, NEW, node, OLD, orderOf, recordWith, stepsOf, topologyOf, type Wish } from './sample-order.ts';

let manifests: Manifests;
/** A control that moves work, and three hosts that do it. */
let machines: Topology;
/** The manifests of both. */
let files: Readonly<Record<string, string>>;

const PLACES = ['runtime', 'runner', 'net'];
const HOSTS = ['w1', 'w2', 'w3'];

beforeAll(async () => {
  const service = (name: string): string => `services:
  - { name: ${name}, process: { command: [${name}] }, health: { model: tcp, address: "127.0.0.1:7000" } }
`;
  const component = (name: string, needs: string, rest = service(name)): [string, string] => [
    `components/${name}/component.yaml`,
    `apiVersion: caisson/v1
kind: Component
name: ${name}
summary: Is ${name}
needs: [${needs}]
${rest}`,
  ];
  files = {
    ...hardManifests(),
    'roles/machine.yaml': `apiVersion: caisson/v1
kind: Role
name: machine
summary: Does work
components: [docker, runtime, runner, net, machine]
requires: { cpus: 1, memory: 1GB, disk: 10GB }
`,
    ...Object.fromEntries([
      component('runtime', ''),
      component('runner', 'runtime, { component: control, hosts: any }'),
      component('net', '{ component: control, hosts: any }'),
      component(
        'machine',
        'runner, net',
        `actions:
${cordonActions('control')}  - name: drain
    summary: move its work
    at: drain
    before: [runtime, runner]
    on: { component: control }
    command: [workctl, drain, "\${node.name}"]
`,
      ),
    ]),
  };
  manifests = await loadManifests(memoryTree(files));
  machines = topologyOf(manifests, [node('c1', 'control'), ...HOSTS.map((name) => node(name, 'machine'))]);
});

function recordOf(hosts: readonly string[], changes: Partial<SiteRecord> = {}): SiteRecord {
  return recordWith(
    ['docker/c1', 'control/c1', ...hosts.flatMap((host) => ['docker', ...PLACES].map((name) => `${name}/${host}`))],
    changes,
  );
}

const both = (host: string): readonly Change[] => ['runtime', 'runner'].map((name) => changed(`${name}/${host}`, 'definition'));

function planned(wish: Wish): readonly PlanStep[] {
  return stepsOf(machines, { releases: { runtime: NEW, runner: NEW, net: NEW }, record: recordOf(HOSTS), ...wish });
}

const actions = (wish: Wish): readonly string[] =>
  planned(wish)
    .filter(({ type }) => type === 'action')
    .map(nameOf);

describe('hosts that are drained', () => {
  it('follow one another, each with all that restarts there, and get work again once they are well', () => {
    const steps = planned({ changes: [...both('w1'), ...both('w2'), changed('net/w1', 'definition'), changed('net/w2', 'definition')] });
    expect(orderOf(steps, /(runtime|runner|machine)/)).toEqual([
      'w1/machine-drain < gate c1/control',
      'w1/runtime-start < w1/machine-drain',
      'gate w1/runtime < w1/runtime-start',
      'gate w1/runner-after-runtime < w1/runtime-start',
      'w1/runner-start < gate w1/runner-after-runtime, gate w1/runtime',
      'gate w1/runner < w1/runner-start',
      'gate w1/machine < gate w1/net, gate w1/runner',
      'w1/machine-uncordon < gate w1/machine',
      'w2/machine-drain < w1/machine-uncordon',
      'w2/runtime-start < w2/machine-drain',
      'gate w2/runtime < w2/runtime-start',
      'gate w2/runner-after-runtime < w2/runtime-start',
      'gate w3/runtime',
      'w2/runner-start < gate w2/runner-after-runtime, gate w2/runtime',
      'gate w2/runner < w2/runner-start',
      'gate w3/runner < gate c1/control, gate w3/runtime',
      'gate w2/machine < gate w2/net, gate w2/runner',
      'w2/machine-uncordon < gate w2/machine',
      'gate w3/machine < gate w3/net, gate w3/runner',
    ]);
    const drain = steps.find((step) => nameOf(step) === 'w2/machine-drain');
    expect(drain).toMatchObject({ runner: 'c1', summary: 'move its work on c1 (drain of machine)' });
  });

  it.each<readonly [string, Wish, readonly string[]]>([
    ['what restarts is drained for', { changes: [changed('runner/w2', 'definition')] }, ['w2/machine-drain', 'w2/machine-uncordon']],
    ['what restarts is another component', { changes: [changed('net/w2', 'definition')] }, []],
    ['it restarts in the same release', { changes: both('w2'), releases: { runtime: OLD, runner: OLD } }, []],
    ['a reload is enough', { changes: [changed('runner/w2', 'definition', { isReload: true })] }, []],
    ['the host is new', { changes: [made('runner/w2', 'definition')], record: recordOf(['w1', 'w3']) }, []],
    [
      'the run goes back to an earlier release',
      { changes: [changed('runner/w2', 'definition')], goesBack: true },
      ['w2/machine-drain', 'w2/machine-uncordon'],
    ],
  ])('are those alone where %s', (_, wish, expected) => {
    expect(actions(wish)).toEqual(expected);
  });

  it('are none where no other host would take the work', () => {
    const alone = topologyOf(manifests, [node('c1', 'control'), node('w1', 'machine')]);
    const wish = { changes: both('w1'), releases: { runner: NEW }, record: recordOf(['w1']) };
    expect(stepsOf(alone, wish).filter(({ type }) => type === 'action')).toEqual([]);
    const away = { since: '2026-01-01T00:00:00Z', by: 'operator' } as const;
    const withOthers = (others: Partial<SiteRecord['hosts'][string]>): SiteRecord => {
      const record = recordOf(HOSTS);
      const changedHosts = Object.fromEntries(
        Object.entries(record.hosts).map(([name, host]) => [name, ['w2', 'w3'].includes(name) ? { ...host, ...others } : host]),
      );
      return { ...record, hosts: changedHosts };
    };
    expect(actions({ changes: both('w1'), record: withOthers({ cordoned: away }) })).toEqual([]);
    expect(actions({ changes: both('w1'), record: withOthers({ down: away }) })).toEqual([]);
    expect(actions({ changes: both('w1'), record: withOthers({ cordoned: { ...away, untilStart: true } }) })).toContain('w1/machine-drain');
  });

  it('stay without new work where an operator keeps it away', () => {
    const record = recordOf(HOSTS);
    const w1 = { ...record.hosts['w1'], cordoned: { since: '2026-01-01T00:00:00Z', by: 'operator' } } as SiteRecord['hosts'][string];
    const wish = { changes: both('w1'), record: { ...record, hosts: { ...record.hosts, w1 } } };
    expect(actions(wish)).toEqual(['w1/machine-drain', 'w1/machine-cordon']);
  });

  it('get work again in the next run where one was killed', () => {
    const killed = { run: 'r', operation: 'upgrade', started: '2026-01-01T00:00:00Z', starts: ['machine/w1'] };
    expect(actions({ changes: [], record: recordOf(HOSTS, { operations: [killed] }) })).toEqual(['w1/machine-uncordon']);
    expect(actions({ changes: [], record: recordOf(HOSTS, { operations: [{ ...killed, outcome: 'done' }] }) })).toEqual([]);
  });

  it('are drained once the hosts on which the actions run do not restart any more', () => {
    const steps = planned({ changes: [changed('control/c1', 'definition'), ...both('w1')] });
    const drain = steps.find((step) => nameOf(step) === 'w1/machine-drain');
    expect([...(drain === undefined ? [] : before(drain))].map(nameOf)).toEqual(
      expect.arrayContaining(['c1/control-start', 'gate c1/control']),
    );
  });

  it('are drained by each other where they also run the actions, and nothing waits for a host whose turn is later', () => {
    const mixed = topologyOf(manifests, [node('w1', 'machine'), node('c1', 'control', 'machine'), node('c2', 'control', 'machine')]);
    const hosts = ['c1', 'c2', 'w1'];
    const places = hosts.flatMap((host) => ['docker', ...PLACES].map((name) => `${name}/${host}`));
    const steps = stepsOf(mixed, {
      record: recordWith(['control/c1', 'control/c2', ...places]),
      releases: { runtime: NEW, runner: NEW, control: NEW },
      changes: [...hosts.flatMap(both), changed('control/c1', 'definition'), changed('control/c2', 'definition')],
    });
    expect(steps.filter(({ type }) => type === 'action').map((step) => [nameOf(step), 'runner' in step ? step.runner : ''])).toEqual([
      ['c1/machine-drain', 'c2'],
      ['c1/machine-uncordon', 'c2'],
      ['c2/machine-drain', 'c1'],
      ['c2/machine-uncordon', 'c1'],
      ['w1/machine-drain', 'c1'],
      ['w1/machine-uncordon', 'c1'],
    ]);
    for (const step of steps) for (const need of step.needs) expect(steps.indexOf(need)).toBeLessThan(steps.indexOf(step));
  });

  it('take turns where the engine below the hosts of the actions restarts, too', async () => {
    const below = await loadManifests(
      memoryTree({
        ...files,
        'components/machine/component.yaml': (files['components/machine/component.yaml'] ?? '')
          .replace('[runtime, runner]', '[docker, runner]')
          .replace('needs: [runner, net]', 'needs: [docker, runner, net]'),
      }),
    );
    const mixed = topologyOf(below, [node('c1', 'control', 'machine'), node('c2', 'control', 'machine')]);
    const hosts = ['c1', 'c2'];
    const steps = stepsOf(mixed, {
      record: recordWith(hosts.flatMap((host) => ['docker', 'control', ...PLACES].map((name) => `${name}/${host}`))),
      changes: hosts.map((host) => changed(`docker/${host}`, 'unit', { key: 'docker' })),
    });
    const order = steps.map(nameOf).filter((name) => /machine-(drain|uncordon)|docker-start/.test(name));
    expect(order).toEqual(hosts.flatMap((host) => [`${host}/machine-drain`, `${host}/docker-start`, `${host}/machine-uncordon`]));
    const second = steps.find((step) => nameOf(step) === 'c2/machine-drain');
    expect([...(second === undefined ? [] : before(second))].map(nameOf)).toEqual(
      expect.arrayContaining(['c1/machine-uncordon', 'gate c1/control-after-docker']),
    );
  });
});
