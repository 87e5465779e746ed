import { describe, expect, it } from 'vitest';
import type { ClientCertificate } from '../../../src/agent/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import type { Host } from '../../../src/host/index.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/index.ts';
import { agentStatuses } from '../../../src/usecases/apply/agent-statuses.ts';
import { fakeHost, type FakeAnswer } from '../../support/fake-host.ts';
import { says, statusReply } from './sample-run.ts';

const signal = new AbortController().signal;

function fixture(
  answers: readonly FakeAnswer[] = [says({})],
  client: () => Promise<ClientCertificate | undefined> = async () => undefined,
) {
  let now = 0;
  const host = fakeHost({ name: 'n1', address: '127.0.0.1', replies: [statusReply(answers)] });
  const agents = agentStatuses({ clock: { now: () => new Date(0), monotonic: () => now }, client });
  return { host, agents, wait: (milliseconds: number) => void (now += milliseconds) };
}

/** A host whose answers come when they are let go, in the order of the questions. */
function slowHost(name: string, answers: readonly FakeAnswer[]) {
  const host = fakeHost({ name, replies: [statusReply(answers)] });
  const open: (() => void)[] = [];
  let asked = 0;
  const slow: Host = {
    ...host,
    run: async (command, options) => {
      asked += 1;
      const result = await host.run(command, options);
      await new Promise<void>((resolve) => open.push(resolve));
      return result;
    },
  };
  return { host: slow, asked: () => asked, letGo: async () => (await settle(), open.shift()?.()) };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('agentStatuses', () => {
  it('asks once for what many gates want to know', async () => {
    const { host, agents } = fixture();
    for (let gate = 0; gate < 5; gate += 1) await agents.recent(host, signal);
    expect(host.commands).toHaveLength(1);
  });

  it('asks again when time has passed, or something was changed on the host', async () => {
    const { host, agents, wait } = fixture();
    await agents.recent(host, signal);
    wait(3_000);
    await agents.recent(host, signal);
    expect(host.commands).toHaveLength(1);
    wait(1);
    await agents.recent(host, signal);
    expect(host.commands).toHaveLength(2);
    agents.forget('n1');
    await agents.recent(host, signal);
    expect(host.commands).toHaveLength(3);
    agents.forget('another');
    await agents.recent(host, signal);
    expect(host.commands).toHaveLength(3);
  });

  it('asks always when it should ask now, and shares an answer that is under way', async () => {
    const { host, asked, letGo } = slowHost('n1', [says({})]);
    const agents = agentStatuses({ clock: systemClock, client: async () => undefined });
    const waiting = [agents.ask(host, signal), agents.recent(host, signal), agents.ask(host, signal)];
    await letGo();
    expect(new Set(await Promise.all(waiting)).size).toBe(1);
    expect(asked()).toBe(1);
    const next = agents.ask(host, signal);
    await letGo();
    await next;
    expect(asked()).toBe(2);
  });

  it('keeps no answer to a question from before a change, although it comes after it', async () => {
    const { host, asked, letGo } = slowHost('n1', [says({}), says({ state: 'starting' })]);
    const agents = agentStatuses({ clock: systemClock, client: async () => undefined });
    const before = agents.ask(host, signal);
    await settle();
    agents.forget('n1');
    await letGo();
    await before;
    const after = agents.recent(host, signal);
    await letGo();
    expect(await after).toMatchObject({ status: { components: [{ state: 'starting' }] } });
    expect(asked()).toBe(2);
  });

  it('shares the answer to a question from after a change, although an older one comes in between', async () => {
    const { host, asked, letGo } = slowHost('n1', [says({}), says({ state: 'starting' })]);
    const agents = agentStatuses({ clock: systemClock, client: async () => undefined });
    const before = agents.ask(host, signal);
    await settle();
    agents.forget('n1');
    const after = agents.ask(host, signal);
    await letGo();
    await before;
    const shared = agents.recent(host, signal);
    await letGo();
    expect(await shared).toBe(await after);
    expect(asked()).toBe(2);
  });

  it('asks no more agents at the same time than it may', async () => {
    let [running, most] = [0, 0];
    const agents = agentStatuses({ clock: systemClock, client: async () => undefined, limit: 4 });
    const hosts = Array.from({ length: 20 }, (_, index): Host => {
      const host = fakeHost({ name: `h${index}`, replies: [statusReply([says({})])] });
      const run: Host['run'] = async (command, options) => {
        most = Math.max(most, (running += 1));
        await new Promise((resolve) => setTimeout(resolve, 2));
        running -= 1;
        return host.run(command, options);
      };
      return { ...host, run };
    });
    await Promise.all(hosts.map((host) => agents.recent(host, signal)));
    expect(most).toBe(4);
  });

  it('asks again after a question that failed', async () => {
    let broken = true;
    const host = fakeHost({ name: 'n1', replies: [statusReply([says({})])] });
    const flaky: Host = { ...host, run: (command, options) => (broken ? Promise.reject(new Error('lost')) : host.run(command, options)) };
    const agents = agentStatuses({ clock: systemClock, client: async () => undefined });
    await expect(agents.recent(flaky, signal)).rejects.toThrow('lost');
    broken = false;
    expect(await agents.recent(flaky, signal)).toHaveProperty('status');
  });

  it.each([
    ['what the program says', { exitCode: 6, stderr: ' Cannot ask the agent\n' }, 'Cannot ask the agent'],
    ['the end of it where it is long', { exitCode: 6, stderr: 'x'.repeat(600) }, 'x'.repeat(500)],
    ['nothing where it says nothing', { exitCode: 127 }, ''],
  ])('tells of an agent that is silent %s', async (_, answer, silence) => {
    const { host, agents } = fixture([answer]);
    expect(await agents.ask(host, signal)).toEqual({ silence });
  });

  it('asks the program of a host whose agent cannot be reached over its port', async () => {
    const authority = await createAuthority({ commonName: 'test', days: 1, clock: systemClock });
    const operator = await issueCertificate(authority, {
      commonName: 'operator',
      dnsNames: ['operator'],
      addresses: [],
      usages: 'client',
      days: 1,
      clock: systemClock,
    });
    const client = async () => ({ ...operator, authority: authority.certificate });
    const answering = fixture([says({})], client);
    expect(await answering.agents.ask(answering.host, signal)).toHaveProperty('status');
    const silent = fixture([{ exitCode: 6 }], client);
    expect(await silent.agents.ask(silent.host, signal)).toEqual({ silence: expect.stringContaining('127.0.0.1:6100') });
  });
});
