import { randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentStatus } from '../../../src/agent/index.ts';
import { nodeUuid } from '../../../src/cluster/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/index.ts';
import { AGENT_PORT, newSiteRecord, openFileStore } from '../../../src/site/index.ts';
import { runCaisson } from '../../support/run-caisson.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
/** Addresses of this process alone: the port of agents is the same everywhere. */
const NETWORK = `127.${randomInt(1, 255)}.${randomInt(1, 255)}`;
const M1 = `${NETWORK}.1`;
const C1 = `${NETWORK}.2`;
const SINCE = '2025-01-01T08:15:00.123Z';
let answer: (address: string) => unknown;
let server: ReturnType<typeof createServer>;

function status(name: string, components: AgentStatus['components']): AgentStatus {
  return {
    node: { name, address: M1, uuid: nodeUuid('prod', name) },
    roles: ['manage'],
    version: '1',
    time: SINCE,
    components,
    problems: [],
  };
}

type Component = AgentStatus['components'][number];

function component(name: string, state: 'healthy' | 'unhealthy', reason = '', keep?: Component['keep']): Component {
  return { name, state, since: SINCE, reason, errors: 0, ...(keep === undefined ? {} : { keep }) };
}

beforeEach(async () => {
  const clock = systemClock;
  const authority = await createAuthority({ commonName: 'test', days: 1, clock });
  const addresses = [M1, C1];
  const pair = await issueCertificate(authority, { commonName: 'm1', dnsNames: [], addresses, usages: 'both', days: 1, clock });
  await mkdir(join(temp(), 'pki'));
  await writeFile(join(temp(), 'pki/operator.crt'), pair.certificate);
  await writeFile(join(temp(), 'pki/operator.key'), pair.key);
  await writeFile(join(temp(), 'pki/ca.crt'), authority.certificate);
  server = createServer(
    { cert: pair.certificate, key: pair.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true },
    (request, response) => response.end(JSON.stringify(answer(request.socket.localAddress ?? ''))),
  );
  await new Promise<void>((resolve) => {
    server.listen(AGENT_PORT, M1, resolve);
  });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function record(nodes: Readonly<Record<string, string>>): Promise<void> {
  const host = (address: string, roles: string[]) => ({ address, roles, owned: [] });
  const hosts = Object.fromEntries(Object.entries(nodes).map(([name, address]) => [name, host(address, ['manage'])]));
  // The seed beside the cluster is no node of it.
  const site = newSiteRecord({ id: 'a', name: 'prod', seed: 'seed' });
  await openFileStore(join(temp(), 'site.json')).write({ ...site, hosts: { ...hosts, seed: host(C1, []) } }, undefined);
}

async function cluster(...flags: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly error: string }> {
  const ended = await runCaisson(['cluster', '--state', temp(), '--pki', join(temp(), 'pki'), ...flags]);
  return { code: ended.status, out: ended.out, error: ended.err };
}

describe('caisson cluster', () => {
  it('prints every component and since when, and ends with 0 when all are healthy', async () => {
    await record({ m1: M1 });
    answer = () => status('m1', [component('docker', 'healthy'), component('etcd', 'healthy')]);
    const { code, error, out } = await cluster();
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, '  '))).toEqual([
      'NODE  ADDRESS  ROLES  COMPONENT  STATE  SINCE  RESTARTS  REASON',
      `m1  ${M1}  manage  docker  healthy  2025-01-01 08:15:00Z`,
      'etcd  healthy  2025-01-01 08:15:00Z',
      'prod: all healthy',
      '',
    ]);
  });

  it('ends with 6 for a component that is not healthy, with its reason on one line', async () => {
    await record({ m1: M1 });
    answer = () => status('m1', [component('etcd', 'unhealthy', 'no\nleader \u001b[31mred')]);
    const { code, out, error } = await cluster();
    expect(code).toBe(6);
    expect(out).toMatch(/unhealthy {2}2025-01-01 08:15:00Z +no leader \\x1b\[31mred\n/);
    expect(error).toContain('CLUSTER_UNHEALTHY');
    expect(error).toContain('1 of 1 components not healthy');
  });

  it('names first what the others wait for, and every restart with its reason', async () => {
    await record({ m1: M1 });
    const waiting = (...waitsFor: string[]) => ({ restarts: 0, standing: 'waiting', waitsFor });
    const last = { at: '2025-01-01T08:10:00.000Z', because: 'no answer within 10 s' };
    answer = () =>
      status('m1', [
        component('docker', 'unhealthy', 'no answer', { restarts: 0, standing: 'reported', remedy: 'systemctl restart docker.service' }),
        component('hub', 'unhealthy', 'ECONNREFUSED', waiting('docker@m1')),
        component('gateway', 'unhealthy', '', waiting('hub@m1')),
        component('dns', 'healthy', '', { restarts: 2, last }),
        component('old', 'healthy', '', { restarts: 1, last: { ...last, at: '2024-12-01T08:10:00.000Z' } }),
        component('db', 'unhealthy', 'gone', { restarts: 6, last, standing: 'crash-loop', next: '2025-01-01T08:20:00.000Z' }),
      ]);
    const { code, out, error } = await cluster();
    expect(code).toBe(6);
    const row = (name: string) =>
      out
        .split('\n')
        .find((line) => line.includes(` ${name} `))
        ?.replaceAll(/ {2,}/g, ' | ');
    expect(row('docker')).toMatch(/unhealthy .*Z \| not restarted by the agent; to do so: systemctl restart docker\.service; no answer$/);
    expect(row('hub')).toMatch(/Z \| waiting for docker@m1; ECONNREFUSED$/);
    expect(row('gateway')).toMatch(/Z \| waiting for hub@m1$/);
    expect(row('dns')).toMatch(/healthy .*Z \| 2 \| restarted at 2025-01-01 08:10:00Z: no answer within 10 s$/);
    expect(row('old')).toMatch(/healthy .*Z \| 1$/);
    expect(row('db')).toMatch(/Z \| 6 \| crash loop, restarted again at 2025-01-01 08:20:00Z; gone$/);
    expect(error).toContain('not healthy: docker@m1 is down and 2 components wait for it, 4 of 6 components not healthy');
    expect(JSON.parse((await cluster('--json')).out.split('\n')[0] ?? '')).toMatchObject({
      causes: [{ of: 'docker@m1', waiting: ['gateway@m1', 'hub@m1'] }],
      nodes: [
        { status: { components: [{ name: 'docker', keep: { standing: 'reported' } }, {}, {}, { keep: { restarts: 2, last } }, {}, {}] } },
      ],
    });
  });

  it('does not call a cluster healthy in which something is in a crash loop, even while it is well for a moment', async () => {
    await record({ m1: M1 });
    answer = () => status('m1', [component('etcd', 'healthy', '', { restarts: 0, standing: 'crash-loop' })]);
    expect(await cluster()).toMatchObject({ code: 6, out: expect.stringContaining('crash loop') });
  });

  it('shows a node that does not answer, and the others all the same', async () => {
    await record({ m1: M1, c1: C1 });
    answer = () => status('m1', [component('docker', 'healthy')]);
    const { code, out } = await cluster();
    expect(code).toBe(6);
    expect(out).toMatch(/^c1 .* unreachable .*ECONNREFUSED/m);
    expect(out).toMatch(/^m1 .* healthy/m);
    expect(out).toContain('prod: 1 of 2 nodes unreachable');
  });

  it('is not satisfied with the answer of another node', async () => {
    await record({ m1: M1 });
    answer = () => status('m9', [component('docker', 'healthy')]);
    expect(await cluster()).toMatchObject({ code: 6, out: expect.stringContaining('another node answers there: "m9"') });
  });

  it('is not satisfied with a node that keeps nothing', async () => {
    await record({ m1: M1 });
    answer = () => status('m1', []);
    expect(await cluster()).toMatchObject({ code: 6, out: expect.stringContaining('the agent has no service definitions') });
  });

  it('does not trust what is no status', async () => {
    await record({ m1: M1 });
    answer = () => ({ hello: 'world' });
    expect(await cluster()).toMatchObject({ code: 6, out: expect.stringContaining('its answer is not a status') });
  });

  it('gives the same as data with --json', async () => {
    await record({ m1: M1 });
    answer = () => status('m1', [component('docker', 'healthy')]);
    const { code, out } = await cluster('--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      type: 'result',
      cluster: 'prod',
      healthy: true,
      nodes: [{ name: 'm1', status: { version: '1' } }],
    });
  });

  it('says where to run it when there is no record of a cluster', async () => {
    const { code, error } = await cluster();
    expect(code).toBe(3);
    expect(error).toContain('INPUT_UNREADABLE');
    expect(error).toContain('Run this on the seed');
  });

  it('refuses a record that it cannot understand', async () => {
    await writeFile(join(temp(), 'site.json'), '{"name":"prod","hosts":[]}');
    const { code, error } = await cluster();
    expect(code).toBe(6);
    expect(error).toContain('SITE_RECORD_INVALID');
    expect(error).toContain('kind: ');
  });
});
