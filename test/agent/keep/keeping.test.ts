import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseServiceFile, type AgentStatus, type ComponentState, type ComponentStatus } from '../../../src/agent/index.ts';
import { ServiceKeeper } from '../../../src/agent/keep/service-keeper.ts';
import { unitOf, UnitWatcher } from '../../../src/agent/unit-watcher.ts';
import { silent, systemClock } from '../../../src/core/index.ts';
import { component, useAgent } from '../use-agent.ts';

const under = useAgent();
const { start, stop, define, until } = under;
const OK = { exitCode: 0, stdout: '', stderr: '' };
const FAILED = { exitCode: 1, stdout: '', stderr: 'frozen' };
/** Healthy until it is added here, by the command of its check. */
const frozen = new Set<string>();
let server: Server | undefined;

afterEach(async () => {
  frozen.clear();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

function service(name: string, more = ''): string {
  return `{ name: ${name}, start: ${name}, health: { model: cmd, address: ${name}, time_interval: 1, grace: 0${more} } }`;
}

async function begin(...services: readonly string[]): Promise<void> {
  under.systemd.command = (line) => (frozen.has(line) ? FAILED : OK);
  await define('x.yaml', ...services);
  start();
  await until(({ components }) => components.length === services.length && components.every(({ state }) => state === 'healthy'));
  under.systemd.takeCalls();
}

const keepOf = (status: AgentStatus, name: string): ComponentStatus['keep'] => component(status, name)?.keep;

function restarts(): readonly string[] {
  return under.systemd.calls.filter((call) => call.startsWith('restart'));
}

/** Ticks of the probes of a service that is not restarted although it is unhealthy. */
async function severalLooks(name: string): Promise<AgentStatus> {
  const { errors = 0 } = component(await under.agent.status(), name) ?? {};
  return until((status) => (component(status, name)?.errors ?? 0) >= errors + 2);
}

describe('a service that does not recover', () => {
  it('is restarted with its reason, counted, and healthy again by a probe of that start', async () => {
    await begin(service('a', ', max_errors_num: 1'), service('b'));
    const before = component(await under.agent.status(), 'a');
    frozen.add('a');
    await until((status) => keepOf(status, 'a')?.restarts === 1);
    frozen.clear();
    const status = await until((seen) => component(seen, 'a')?.state === 'healthy');
    expect(restarts()).toEqual(['restart --no-block -- a.service']);
    expect(keepOf(status, 'a')?.last?.because).toMatch(/^exit status 1: frozen; 2 failures in a row since 20/);
    expect((component(status, 'a')?.since ?? '') > (keepOf(status, 'a')?.last?.at ?? 'z')).toBe(true);
    expect((component(status, 'a')?.since ?? '') > (before?.since ?? 'z')).toBe(true);
    expect(keepOf(status, 'b')).toEqual({ restarts: 0 });
    expect(under.warnings).toEqual([
      expect.stringMatching(/^Restarting "a" \(a\.service, restart 1 by the agent\): exit status 1: frozen; 2 fail/),
    ]);
  });

  it('waits before each further restart, and an agent that starts again goes on counting', async () => {
    await begin(service('a'));
    frozen.add('a');
    await until((status) => keepOf(status, 'a')?.standing === 'backing-off');
    const first = keepOf(await under.agent.status(), 'a');
    expect(first?.restarts).toBe(1);
    expect(Date.parse(first?.next ?? '') - Date.parse(first?.last?.at ?? '')).toBe(10_000);
    await stop();
    start();
    const again = keepOf(await until((status) => keepOf(status, 'a')?.standing === 'backing-off'), 'a');
    expect(again?.restarts).toBe(1);
    expect(Math.abs(Date.parse(again?.next ?? '') - Date.parse(first?.next ?? ''))).toBeLessThan(50);
    expect(restarts()).toHaveLength(1);
  });

  it('that a person stopped stays stopped, also where its program ends with an error', async () => {
    await begin(
      service('a'),
      `{ name: b, start: b, restart_policy: always, health: { model: cmd, address: b, time_interval: 1, grace: 0 } }`,
    );
    for (const name of ['a', 'b']) frozen.add(name);
    under.systemd.set('a.service', 'inactive', 'dead');
    under.systemd.set('b.service', 'failed', 'failed');
    const seen = await until(({ components }) => components.every(({ state }) => state === 'stopped'));
    expect(seen.components.map(({ keep }) => keep?.standing)).toEqual([undefined, undefined]);
    expect(restarts()).toEqual([]);
  });

  it('that must always run is started when a person stopped it', async () => {
    await begin(service('a', ', on_unhealthy: always'));
    frozen.add('a');
    under.systemd.set('a.service', 'inactive', 'dead');
    await until((status) => keepOf(status, 'a')?.restarts === 1);
    expect(restarts()).toEqual(['restart --no-block -- a.service']);
  });

  it('is reported with the command for a person where a package brought its unit, and restarted where the definition says so', async () => {
    const probed = (name: string, more: string) =>
      `{ name: ${name}, only_health_check: true, health: { model: cmd, address: ${name}, time_interval: 1, grace: 0${more} } }`;
    for (const name of ['docker', 'chrony']) {
      under.systemd.vendor.set(`${name}.service`, `/lib/systemd/system/${name}.service`);
      under.systemd.set(`${name}.service`, 'active', 'running');
    }
    await begin(probed('docker', ''), probed('chrony', ', on_unhealthy: restart'), probed('disk', ''));
    for (const name of ['docker', 'chrony', 'disk']) frozen.add(name);
    const status = await until(
      (seen) => keepOf(seen, 'chrony')?.restarts === 1 && ['docker', 'disk'].every((name) => keepOf(seen, name)?.standing !== undefined),
    );
    expect(restarts()).toEqual(['restart --no-block -- chrony.service']);
    expect(keepOf(status, 'docker')).toEqual({ restarts: 0, standing: 'reported', remedy: 'systemctl restart docker.service' });
    expect(keepOf(status, 'disk')).toEqual({ restarts: 0, standing: 'reported' });
    expect(under.warnings).toContain('"docker" is unhealthy (exit status 1: frozen): the agent does not restart it');
  });

  it('shows a stopped unit of a package as stopped, whatever its probe says', async () => {
    under.systemd.vendor.set('docker.service', '/lib/systemd/system/docker.service');
    under.systemd.set('docker.service', 'active', 'running');
    await begin('{ name: docker, only_health_check: true, health: { model: cmd, address: docker, time_interval: 1 } }');
    under.systemd.set('docker.service', 'inactive', 'dead');
    await until((seen) => component(seen, 'docker')?.state === 'stopped');
  });

  it('becomes a problem in the status while systemd refuses the restart', async () => {
    await begin(service('a'));
    under.systemd.failure = { word: 'restart', says: 'Transport endpoint is not connected' };
    frozen.add('a');
    const { problems } = await until((status) => status.problems.length > 0);
    expect(problems).toEqual([
      { about: 'restart of a.service', message: expect.stringMatching(/^Cannot restart "a\.service": .*Transport/s) },
    ]);
  });
});

describe('a service whose need is down', () => {
  it('waits for it by name and is not restarted; the need is', async () => {
    under.config = {
      ...under.config,
      needs: { gateway: [{ component: 'etcd', least: 1, places: [{ node: 'm1', services: ['etcd'] }] }] },
    };
    await begin(service('etcd', ', max_errors_num: 2'), service('gateway'));
    for (const name of ['etcd', 'gateway']) frozen.add(name);
    await until((status) => keepOf(status, 'gateway')?.standing === 'waiting');
    const status = await until((seen) => keepOf(seen, 'etcd')?.restarts === 1 && keepOf(seen, 'gateway')?.standing === 'waiting');
    expect(keepOf(status, 'gateway')).toEqual({ restarts: 0, standing: 'waiting', waitsFor: ['etcd@m1'] });
    expect(restarts()).toEqual(['restart --no-block -- etcd.service']);
    expect(under.warnings.filter((message) => message.includes('waits for'))).toEqual([
      '"gateway" is unhealthy (exit status 1: frozen): it waits for etcd@m1 and is not restarted',
    ]);
    frozen.delete('etcd');
    await until((seen) => component(seen, 'etcd')?.state === 'healthy');
    await until((seen) => keepOf(seen, 'gateway')?.restarts === 1);
  });

  it('waits for a port of another node, of which as many must answer as it needs', async () => {
    server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // a TCP server's address is never a string
    const places = [
      { node: 'm2', addresses: [`127.0.0.1:${port}`] },
      // The discard port of this machine, which nothing listens on.
      { node: 'm3', addresses: ['127.0.0.1:9'] },
    ];
    under.config = {
      ...under.config,
      needs: { one: [{ component: 'etcd', least: 1, places }], two: [{ component: 'etcd', least: 2, places }] },
    };
    await begin(service('one'), service('two'));
    for (const name of ['one', 'two']) frozen.add(name);
    const status = await until((seen) => keepOf(seen, 'one')?.restarts === 1 && keepOf(seen, 'two')?.standing !== undefined);
    expect(keepOf(status, 'two')).toEqual({ restarts: 0, standing: 'waiting', waitsFor: ['etcd@m3'] });
  });
});

describe('a node that somebody works on', () => {
  const mark = (content: object) => writeFile(under.config.record, JSON.stringify(content));

  it('has nothing restarted while a run changes it', async () => {
    await begin(service('a'));
    await mark({ site: 'x', changing: true });
    frozen.add('a');
    const paused = await until((status) => keepOf(status, 'a')?.standing === 'paused');
    expect(keepOf(paused, 'a')?.because).toMatch(/^a run has been changing the node since 20/);
    await severalLooks('a');
    expect(restarts()).toEqual([]);
    await mark({ site: 'x' });
    await until((status) => keepOf(status, 'a')?.restarts === 1);
  });

  it.each([
    ['that was left more than an hour ago', JSON.stringify({ changing: true })],
    ['in a record that cannot be understood', '{'],
  ])('is kept in spite of a mark %s', async (_, text) => {
    await begin(service('a'));
    await writeFile(under.config.record, text);
    const past = Date.now() / 1000 - 3700;
    await utimes(under.config.record, past, past);
    frozen.add('a');
    await until((status) => keepOf(status, 'a')?.restarts === 1);
  });

  it('has nothing restarted that it holds, before the agent has read its definitions again, too', async () => {
    await begin(service('a'));
    await mkdir(under.config.state, { recursive: true });
    await writeFile(join(under.config.state, 'held'), 'a\n');
    frozen.add('a');
    const paused = await until((status) => keepOf(status, 'a')?.standing === 'paused');
    expect(keepOf(paused, 'a')?.because).toBe('an operator took the node down');
    await rm(join(under.config.state, 'held'));
    await until((status) => keepOf(status, 'a')?.restarts === 1);
  });
});

it('is no longer restarted when a newer look saw it healthy while its needs were asked for', async () => {
  const [definition] = parseServiceFile(`version: '2.1'\nservices: [${service('a')}]`, 'x.yaml');
  if (definition === undefined) throw new Error('there is no definition');
  const unhealthy: ComponentState = { state: 'unhealthy', since: '2025-01-01T00:00:00.000Z', reason: 'frozen', errors: 1 };
  let now = unhealthy;
  const { systemd, config } = under;
  const report = (): void => {};
  const keeper = new ServiceKeeper({ config, host: systemd.host, clock: systemClock, emit: silent, stateOf: () => now, report });
  systemd.set('a.service', 'active', 'running');
  const units = new UnitWatcher(systemd.host, systemClock);
  units.watch(['a.service']);
  const unit = unitOf(await units.read(), definition);
  const { signal } = new AbortController();
  now = { ...unhealthy, state: 'healthy', errors: 0 };
  expect(await keeper.tend(definition, unhealthy, unit, signal)).toBeUndefined();
  now = unhealthy;
  expect(await keeper.tend(definition, unhealthy, unit, signal)).toEqual({ because: 'frozen' });
});

it('keeps the number of restarts over a boot, and not the pauses', async () => {
  await begin(service('a'));
  frozen.add('a');
  await until((status) => keepOf(status, 'a')?.restarts === 1);
  await stop();
  const { kept } = JSON.parse(await readFile(join(under.config.state, 'state.json'), 'utf8')) as { kept: object };
  expect(kept).toMatchObject({ a: { restarts: 1, tries: 1 } });
  start(undefined, 'boot-2');
  await until((status) => keepOf(status, 'a')?.restarts === 2);
});
