import { beforeAll, describe, expect, it } from 'vitest';
import type { Placement, Topology } from '../../../src/cluster/index.ts';
import type { Clock } from '../../../src/core/index.ts';
import type { GateStep } from '../../../src/plan/index.ts';
import type { AgentAnswer } from '../../../src/usecases/apply/agent-statuses.ts';
import { gateBehaviour, quorumBehaviour, servicesHealthy } from '../../../src/usecases/apply/gate.ts';
import { fakeHost, type FakeAnswer } from '../../support/fake-host.ts';
import { ONE_NODE, THREE_NODES } from '../../support/sample-install.ts';
import { placementOf, sampleRun, sampleTopology, says, statusReply, stepContext, type SaidService } from './sample-run.ts';

let topology: Topology;
beforeAll(async () => {
  topology = await sampleTopology(ONE_NODE);
});

/** Every look takes a minute, so that patience ends within a test. */
function hastyClock(): Clock {
  let now = 0;
  return { now: () => new Date(0), monotonic: () => (now += 60_000) };
}

function gateStep(placement: Placement, changes: Partial<GateStep> = {}): GateStep {
  return {
    type: 'gate',
    id: 'gate',
    phase: 'components',
    host: placement.host.name,
    summary: 'wait',
    needs: [],
    placement,
    after: [],
    ...changes,
  };
}

function fixture(answers: readonly FakeAnswer[], changes: Partial<GateStep> = {}) {
  const restart = { argv: ['date', '+%s.%N'], answer: { stdout: '1767225600.5\n' } };
  const host = fakeHost({ name: 'n1', replies: [statusReply(answers), restart] });
  const run = sampleRun(topology, [host], hastyClock());
  const placement = placementOf(topology, 'store/n1');
  return { host, run, gate: gateBehaviour(run, gateStep(placement, changes)), context: stepContext() };
}

describe('the gate of a component', () => {
  it('is open when its agent says that every service is healthy', async () => {
    const { gate, context } = fixture([says({})]);
    expect(await gate.isDone(context)).toBe(true);
  });

  it.each([
    ['a service that is starting', says({ state: 'starting' })],
    ['a service that the agent does not know', says({ name: 'other' })],
    ['an agent that does not answer', { exitCode: 6, stderr: 'Cannot ask the agent' }],
    ['an answer that is no status', { stdout: '{"type":"result"}\n' }],
    ['an answer that is no JSON', { stdout: 'Segmentation fault\n' }],
  ] satisfies [string, FakeAnswer][])('is closed for %s', async (_, answer) => {
    const { gate, context } = fixture([answer]);
    expect(await gate.isDone(context)).toBe(false);
  });

  it('waits until it opens, and says nothing of it while it does', async () => {
    const { gate, context, host } = fixture([says({ state: 'starting', reason: 'a' }), says({ state: 'starting', reason: 'b' }), says({})]);
    await gate.apply(context);
    expect(host.commands).toHaveLength(3);
    expect(context.events).toEqual([]);
  }, 10_000);

  it('gives up when there is no news for long, with what the agent says last', async () => {
    const { gate, context } = fixture([says({ state: 'unhealthy', reason: 'connection refused' })]);
    await expect(gate.apply(context)).rejects.toMatchObject({
      code: 'CONDITION_TIMEOUT',
      message: expect.stringMatching(/store on n1 is healthy: store is unhealthy: connection refused, unchanged for/),
    });
  }, 20_000);

  it('is not opened by what was seen before a restart of this run', async () => {
    const before = says({ seen: '2026-01-01T00:00:00.000Z' });
    const after = says({ seen: '2026-01-01T00:00:01.000Z' });
    const restart = gateStep(placementOf(topology, 'store/n1'));
    const { gate, run, host, context } = fixture([before, before, after], { after: [restart] });
    expect(await gate.isDone(context)).toBe(true);
    await run.restarts.note(host, context.signal);
    run.agents.forget('n1');
    expect(await gate.isDone(context)).toBe(false);
    await gate.apply(context);
    expect(await gate.isDone(context)).toBe(true);
  }, 10_000);

  it('makes the host a member of the quorum that it joins, once', async () => {
    const { gate, run, context } = fixture([says({})], { joining: { leave: [], owned: [] } });
    await gate.isDone(context);
    await gate.apply(context);
    expect(run.site.record).toMatchObject({ placements: { store: ['n1'] }, joined: { store: ['n1'] } });
  });

  it('makes no member of a host that is not healthy, or does not join', async () => {
    const sick = fixture([says({ state: 'starting' })], { joining: { leave: [], owned: [] } });
    await sick.gate.isDone(sick.context);
    const well = fixture([says({})]);
    await well.gate.isDone(well.context);
    expect([sick.run, well.run].map(({ site }) => site.record.placements)).toEqual([{}, {}]);
  });
});

describe('the gate of a quorum', () => {
  async function quorum(states: readonly string[], count: number) {
    const three = await sampleTopology(THREE_NODES.map(({ name, address }) => ({ name, address, roles: ['manage', 'front'] })));
    const placements = ['web/m1', 'web/f1', 'web/f2'].map((id) => placementOf(three, id));
    const hosts = placements.map(({ host }, index) =>
      fakeHost({ name: host.name, replies: [statusReply([says({ name: 'web', state: states[index] ?? 'healthy', reason: 'slow' })])] }),
    );
    return quorumBehaviour(sampleRun(three, hosts, hastyClock()), {
      type: 'quorum',
      id: 'q',
      phase: 'components',
      host: 'm1',
      summary: 'wait until most of web are healthy',
      needs: [],
      follows: [],
      placements,
      count,
    });
  }

  it('is open when enough are healthy, whichever they are', async () => {
    expect(await (await quorum(['starting'], 2)).isDone(stepContext())).toBe(true);
    expect(await (await quorum(['healthy', 'starting'], 2)).isDone(stepContext())).toBe(true);
    expect(await (await quorum(['starting', 'starting'], 2)).isDone(stepContext())).toBe(false);
  });

  it('says how many are, and what keeps the others', async () => {
    await expect((await quorum(['starting', 'starting'], 2)).apply(stepContext())).rejects.toMatchObject({
      code: 'CONDITION_TIMEOUT',
      message: expect.stringContaining('until most of web are healthy: 1 are: web is starting: slow; web is starting: slow'),
    });
  }, 20_000);
});

describe('servicesHealthy', () => {
  const SINCE = Date.parse('2026-01-01T00:00:00.500Z');
  const BEFORE = '2026-01-01T00:00:00.400Z';
  const AFTER = '2026-01-01T00:00:00.500Z';

  function answerOf(...services: readonly SaidService[]): AgentAnswer {
    const components = services.map(({ name = 'store', state = 'healthy', reason = '', errors = 0, seen }) => ({
      name,
      state: state === 'healthy' ? ('healthy' as const) : ('unhealthy' as const),
      since: BEFORE,
      reason,
      errors,
      ...(seen === undefined ? {} : { seen }),
    }));
    const node = { name: 'n1', address: 'a', uuid: 'u' };
    return { status: { node, roles: [], version: '0', time: BEFORE, components, problems: [] } };
  }

  it.each<readonly [string, AgentAnswer, number | undefined, string]>([
    ['healthy', answerOf({}), undefined, ''],
    ['healthy, with a failed probe since that it bears', answerOf({ errors: 2, reason: 'slow' }), undefined, ''],
    ['seen healthy after the restart', answerOf({ seen: AFTER }), SINCE, ''],
    ['healthy by a memory from before the restart', answerOf({ seen: BEFORE }), SINCE, 'store was not probed since its restart'],
    ['healthy by a memory without a probe', answerOf({}), SINCE, 'store was not probed since its restart'],
    [
      'failing its probes after the restart',
      answerOf({ seen: AFTER, errors: 1, reason: 'refused' }),
      SINCE,
      'store fails its probes: refused',
    ],
    ['unhealthy', answerOf({ state: 'unhealthy', reason: 'refused' }), undefined, 'store is unhealthy: refused'],
    ['unhealthy after the restart', answerOf({ state: 'unhealthy', reason: 'refused', seen: AFTER }), SINCE, 'store is unhealthy: refused'],
    ['not known', answerOf({ name: 'web' }), undefined, 'store is not known to the agent yet'],
    ['of an agent that is silent', { silence: 'connection refused' }, undefined, 'its agent does not answer: connection refused'],
  ])('tells of a service that is %s', (_, answer, since, detail) => {
    expect(servicesHealthy(['store'], answer, since)).toEqual({ met: detail === '', detail });
  });

  it('names every service that is not healthy', () => {
    const answer = answerOf({ name: 'a', state: 'unhealthy', reason: 'x' }, { name: 'b' });
    expect(servicesHealthy(['a', 'b', 'c'], answer).detail).toBe('a is unhealthy: x; c is not known to the agent yet');
  });

  it('asks nothing of a component without services, as long as the agent answers', () => {
    expect(servicesHealthy([], answerOf()).met).toBe(true);
    expect(servicesHealthy([], { silence: '' }).met).toBe(false);
  });
});
