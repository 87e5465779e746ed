import { beforeAll, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, type Placement, type Topology } from '../../src/cluster/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { agentStatuses, type AgentStatuses } from '../../src/usecases/agent-statuses.ts';
import type { InstallContext } from '../../src/usecases/context.ts';
import { EXECUTABLE } from '../../src/site/index.ts';
import { checkComponent } from '../../src/usecases/phases/check-component.ts';
import { fakeHost, type FakeAnswer } from '../support/fake-host.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { clusterYaml, MANIFESTS, ONE_NODE } from '../support/sample-install.ts';

const STATUS = [EXECUTABLE, '--json', 'agent', 'status'];
let topology: Topology;
let placement: Placement;

beforeAll(async () => {
  const manifests = await loadManifests(memoryTree(MANIFESTS));
  topology = resolveTopology(parseClusterSpec(clusterYaml(ONE_NODE), 'cluster.yaml'), manifests);
  const store = topology.placements.find(({ id }) => id === 'store/n1');
  if (store === undefined) throw new Error('the sample has a store');
  placement = store;
});

function says(state: string, reason = '', name = 'store'): FakeAnswer {
  const time = '2026-01-01T00:00:00.000Z';
  const status = {
    type: 'result',
    node: { name: 'n1', address: '10.0.0.11', uuid: 'u' },
    roles: [],
    version: '0',
    time,
    components: [{ name, state, since: time, reason, errors: 0 }],
    problems: [],
  };
  const stdout = `{"type":"note"}\n${JSON.stringify(status)}\n`;
  return state === 'healthy' ? { stdout } : { exitCode: 6, stdout: `${stdout}{"type":"error","code":"NODE_UNHEALTHY"}\n` };
}

function fixture(answers: readonly FakeAnswer[]) {
  const left = [...answers];
  let now = 0;
  const clock = {
    now: () => new Date(0),
    // Every look takes a minute, so that patience ends within a test.
    monotonic: () => (now += 60_000),
  };
  const host = fakeHost({ name: 'n1', replies: [{ argv: STATUS, answer: () => left.shift() ?? answers.at(-1) ?? {} }] });
  const agents: AgentStatuses = agentStatuses(clock);
  // Only what a gate uses.
  const context = { topology, hosts: new Map([['n1', host]]), agents, clock } as unknown as InstallContext;
  const step = checkComponent(context, placement, []);
  return { host, step, stepContext: { signal: new AbortController().signal, emit: () => {} } };
}

describe('the gate of a component', () => {
  it('is open when its agent says that every service is healthy', async () => {
    const { step, stepContext } = fixture([says('healthy')]);
    expect(await step.isDone(stepContext)).toBe(true);
  });

  it.each([
    ['a service that is starting', says('starting')],
    ['a service that the agent does not know', says('healthy', '', 'other')],
    ['an agent that does not answer', { exitCode: 6, stderr: 'Cannot ask the agent' }],
    ['an answer that is no status', { stdout: '{"type":"result"}\n' }],
    ['an answer that is no JSON', { stdout: 'Segmentation fault\n' }],
  ] satisfies [string, FakeAnswer][])('is closed for %s', async (_, answer) => {
    const { step, stepContext } = fixture([answer]);
    expect(await step.isDone(stepContext)).toBe(false);
  });

  it('waits until it opens', async () => {
    const { step, stepContext, host } = fixture([says('starting', 'a'), says('starting', 'b'), says('healthy')]);
    await step.apply(stepContext);
    expect(host.commands).toHaveLength(3);
  }, 10_000);

  it('gives up when there is no news for long, with what the agent says last', async () => {
    const { step, stepContext } = fixture([says('unhealthy', 'connection refused')]);
    await expect(step.apply(stepContext)).rejects.toMatchObject({
      code: 'CONDITION_TIMEOUT',
      message: expect.stringContaining('store is unhealthy: connection refused'),
    });
  }, 20_000);
});

describe('agentStatuses', () => {
  function statuses() {
    let now = 0;
    const host = fakeHost({ name: 'n1', replies: [{ argv: STATUS, answer: says('healthy') }] });
    const agents = agentStatuses({ now: () => new Date(0), monotonic: () => now });
    const signal = new AbortController().signal;
    return { host, agents, signal, wait: (milliseconds: number) => void (now += milliseconds) };
  }

  it('asks once for what many gates want to know', async () => {
    const { host, agents, signal } = statuses();
    for (let gate = 0; gate < 5; gate += 1) await agents.recent(host, signal);
    expect(host.commands).toHaveLength(1);
  });

  it('asks again when time has passed, or something was changed on the host', async () => {
    const { host, agents, signal, wait } = statuses();
    await agents.recent(host, signal);
    wait(3_001);
    await agents.recent(host, signal);
    expect(host.commands).toHaveLength(2);
    agents.forget('n1');
    await agents.recent(host, signal);
    expect(host.commands).toHaveLength(3);
    agents.forget('another');
    await agents.recent(host, signal);
    expect(host.commands).toHaveLength(3);
  });
});
