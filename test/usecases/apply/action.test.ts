import { beforeAll, describe, expect, it } from 'vitest';
import type { Topology } from '../../../src/cluster/index.ts';
import type { ActionStep } from '../../../src/plan/index.ts';
import { shellScript } from '../../../src/host/index.ts';
import { DOCKER_REMOVE_CONTAINERS_SCRIPT } from '../../../src/resources/containers/docker/docker-engine.ts';
import { actionBehaviour } from '../../../src/usecases/apply/action.ts';
import { fakeHost, type FakeReply } from '../../support/fake-host.ts';
import { THREE_NODES } from '../../support/sample-install.ts';
import { placementOf, RELEASE, sampleRun, sampleTopology, says, statusReply, stepContext } from './sample-run.ts';

const ACTIONS = `actions:
  - name: register
    summary: register it with the store
    at: once
    on: { component: store }
    command: [store-ctl, add, "\${node.name}=\${node.address}", "--by=\${runner.name}", "http://\${runner.urlAddress}:2379"]
    input: "component=\${component.name}\\n"
    done: [store-ctl, has, "\${node.name}", "\${runner.address}"]
    timeout: 30
  - name: first-page
    summary: make its first page
    at: before-upgrade
    each: cluster
    container: { image: "registry.example/web:1", arguments: [init, "\${node.name}"] }
  - { name: warm, summary: warm its caches, at: after-healthy, command: [warm, "\${node.name}"] }
  - { name: unregister, summary: take it out of the store, at: before-stop, on: { component: store }, command: [store-ctl, remove, "\${node.name}"] }
`;

const HAS: FakeReply['argv'] = ['store-ctl', 'has', 'f1', 'fd00::11'];
const ADD: FakeReply['argv'] = ['store-ctl', 'add', 'f1=10.0.0.12', '--by=m1', 'http://[fd00::11]:2379'];
const INIT: FakeReply['argv'] = [
  ...['docker', 'run', '--rm', '--interactive', '--name', 'web-first-page-f1', '--network', 'host', '--pull', 'never'],
  ...['registry.example/web:1', 'init', 'f1'],
];
const LEFT: FakeReply['argv'] = shellScript(DOCKER_REMOVE_CONTAINERS_SCRIPT, ['web-first-page-f1']);

let topology: Topology;
beforeAll(async () => {
  topology = await sampleTopology(THREE_NODES, ACTIONS);
});

function fixture(name: string, { onStore = [], onHost = [] }: { onStore?: readonly FakeReply[]; onHost?: readonly FakeReply[] } = {}) {
  const store = fakeHost({ name: 'm1', address: 'fd00::11', replies: onStore });
  const host = fakeHost({ name: 'f1', replies: [...onHost, statusReply([says({})])] });
  const run = sampleRun(topology, [store, host]);
  const placement = placementOf(topology, 'web/f1');
  const found = (wanted: string) => {
    const action = placement.component.actions.find((candidate) => candidate.name === wanted);
    if (action === undefined) throw new Error(`there is no ${wanted}`);
    return action;
  };
  const action = found(name);
  const step: ActionStep = {
    type: 'action',
    id: `components/f1/${name}`,
    phase: 'components',
    host: 'f1',
    summary: action.summary,
    needs: [],
    placement,
    action,
    runner: action.on === 'self' ? 'f1' : 'm1',
  };
  return { store, host, run, behaviour: actionBehaviour(run, step), context: stepContext() };
}

describe('an action', () => {
  it('runs on its runner, filled in for the host that it is for and with the names of the runner', async () => {
    const { behaviour, store, host, context } = fixture('register', { onStore: [{ argv: ADD }] });
    await behaviour.apply(context);
    expect(store.commands).toEqual([{ argv: ADD, idleTimeoutMs: 30_000, input: 'component=web\n' }]);
    expect(host.commands).toEqual([]);
  });

  it('runs a container to its end under a name of its own, without what a killed run left of it, and never asks a registry', async () => {
    const { behaviour, host, context } = fixture('first-page', { onHost: [{ argv: LEFT }, { argv: INIT }] });
    await behaviour.apply(context);
    expect(host.commands.map(({ argv }) => argv)).toEqual([LEFT, INIT]);
  });

  it('has been done when its probe says so, and is asked where it runs', async () => {
    const done = fixture('register', { onStore: [{ argv: HAS }] });
    expect(await done.behaviour.isDone(done.context)).toBe(true);
    expect(done.store.commands.map(({ argv }) => argv)).toEqual([HAS]);
    const open = fixture('register', { onStore: [{ argv: HAS, answer: { exitCode: 1 } }] });
    expect(await open.behaviour.isDone(open.context)).toBe(false);
  });

  it('does not wait for ever for its probe', async () => {
    const { behaviour, store, context } = fixture('register', { onStore: [{ argv: HAS }] });
    await behaviour.isDone(context);
    expect(store.commands[0]?.idleTimeoutMs).toBe(30_000);
  });

  it('has not been done when nothing can tell', async () => {
    const { behaviour, host, context } = fixture('warm');
    expect(await behaviour.isDone(context)).toBe(false);
    expect(host.commands).toEqual([]);
  });

  it('has what its host said before forgotten, also when it fails', async () => {
    for (const exitCode of [0, 1]) {
      const { behaviour, run, host, context } = fixture('warm', { onHost: [{ argv: ['warm', 'f1'], answer: { exitCode } }] });
      await run.agents.recent(host, context.signal);
      await behaviour.apply(context).catch(() => {});
      await run.agents.recent(host, context.signal);
      expect(host.commands).toHaveLength(3);
    }
  });
});

describe('the memory of actions', () => {
  const TIME = '1970-01-01T00:00:00.000Z';
  const ONCE = { component: 'web', action: 'register', host: 'f1', release: RELEASE, time: TIME };

  it('has an action that is done once, after it ran and after its probe found it done', async () => {
    const ran = fixture('register', { onStore: [{ argv: ADD }] });
    await ran.behaviour.apply(ran.context);
    expect(ran.run.site.record.actions).toEqual([ONCE]);
    const found = fixture('register', { onStore: [{ argv: HAS }] });
    await found.behaviour.isDone(found.context);
    expect(found.run.site.record.actions).toEqual([ONCE]);
  });

  it('has an action before an upgrade; one for the whole cluster without a host', async () => {
    const { behaviour, run, context } = fixture('first-page', { onHost: [{ argv: LEFT }, { argv: INIT }] });
    await behaviour.apply(context);
    expect(run.site.record.actions).toEqual([{ component: 'web', action: 'first-page', release: RELEASE, time: TIME }]);
  });

  it('has no action that runs at each of its moments, and none that failed', async () => {
    const warm = fixture('warm', { onHost: [{ argv: ['warm', 'f1'] }] });
    await warm.behaviour.apply(warm.context);
    const failed = fixture('register', { onStore: [{ argv: ADD, answer: { exitCode: 1 } }] });
    await failed.behaviour.apply(failed.context).catch(() => {});
    expect([warm.run, failed.run].map(({ site }) => site.record.actions)).toEqual([[], []]);
  });
});

describe('an action that fails', () => {
  it('says what it was for, why, where it ran and what follows', async () => {
    const answer = { exitCode: 3, stderr: 'no quorum\n' };
    const { behaviour, context } = fixture('register', { onStore: [{ argv: ADD, answer }] });
    await expect(behaviour.apply(context)).rejects.toMatchObject({
      code: 'ACTION_FAILED',
      exitStatus: 6,
      message: expect.stringMatching(/^Cannot register it with the store for "web" on "f1": .*exit status 3.*no quorum/s),
      hint: 'It ran on "m1". What follows from it was not begun; run the same command again once it can succeed',
    });
  });

  it('is an interruption when the run was interrupted', async () => {
    const stop = new AbortController();
    const { behaviour } = fixture('register', { onStore: [{ argv: ADD, answer: 'hangs' }] });
    const running = behaviour.apply(stepContext(stop.signal));
    stop.abort(new Error('received SIGINT'));
    await expect(running).rejects.toThrow('received SIGINT');
  });
});
