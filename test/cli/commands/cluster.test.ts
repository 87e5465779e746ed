import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentStatus } from '../../../src/agent/index.ts';
import { systemClock } from '../../../src/core/index.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/index.ts';
import { runCaisson } from '../../support/run-caisson.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const SINCE = '2025-01-01T08:15:00.123Z';
let answer: (address: string) => unknown;
let server: ReturnType<typeof createServer>;

function status(name: string, uuid: string, components: AgentStatus['components']): AgentStatus {
  return { node: { name, address: '127.0.0.1', uuid }, roles: ['manage'], version: '1', time: SINCE, components, problems: [] };
}

function component(name: string, state: 'healthy' | 'unhealthy', reason = ''): AgentStatus['components'][number] {
  return { name, state, since: SINCE, reason, errors: 0 };
}

beforeEach(async () => {
  const clock = systemClock;
  const authority = await createAuthority({ commonName: 'test', days: 1, clock });
  const addresses = ['127.0.0.1', '127.0.0.2'];
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
    server.listen(0, '127.0.0.1', resolve);
  });
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function record(...nodes: readonly { readonly name: string; readonly address: string }[]): Promise<void> {
  const { port } = server.address() as AddressInfo; // a TCP server's address is never a string
  const content = {
    name: 'prod',
    agentPort: port,
    nodes: nodes.map((node) => ({ ...node, uuid: `uuid-${node.name}`, roles: ['manage'] })),
  };
  await writeFile(join(temp(), 'cluster.json'), JSON.stringify(content));
}

async function cluster(...flags: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly error: string }> {
  const ended = await runCaisson(['cluster', '--state', temp(), '--pki', join(temp(), 'pki'), ...flags]);
  return { code: ended.status, out: ended.out, error: ended.err };
}

describe('caisson cluster', () => {
  it('prints every component and since when, and ends with 0 when all are healthy', async () => {
    await record({ name: 'm1', address: '127.0.0.1' });
    answer = () => status('m1', 'uuid-m1', [component('docker', 'healthy'), component('etcd', 'healthy')]);
    expect(await cluster()).toEqual({
      code: 0,
      error: '',
      out: `NODE  ADDRESS    ROLES   COMPONENT  STATE    SINCE                 REASON
m1    127.0.0.1  manage  docker     healthy  2025-01-01 08:15:00Z
                         etcd       healthy  2025-01-01 08:15:00Z
prod: all healthy
`,
    });
  });

  it('ends with 6 for a component that is not healthy, with its reason on one line', async () => {
    await record({ name: 'm1', address: '127.0.0.1' });
    answer = () => status('m1', 'uuid-m1', [component('etcd', 'unhealthy', 'no\nleader \u001b[31mred')]);
    const { code, out, error } = await cluster();
    expect(code).toBe(6);
    expect(out).toContain('unhealthy  2025-01-01 08:15:00Z  no leader \\x1b[31mred\n');
    expect(error).toContain('CLUSTER_UNHEALTHY');
    expect(error).toContain('1 of 1 components not healthy');
  });

  it('shows a node that does not answer, and the others all the same', async () => {
    await record({ name: 'm1', address: '127.0.0.1' }, { name: 'c1', address: '127.0.0.2' });
    answer = () => status('m1', 'uuid-m1', [component('docker', 'healthy')]);
    const { code, out } = await cluster();
    expect(code).toBe(6);
    expect(out).toMatch(/^c1 .* unreachable .*ECONNREFUSED/m);
    expect(out).toMatch(/^m1 .* healthy/m);
    expect(out).toContain('prod: 1 of 2 nodes unreachable');
  });

  it('is not satisfied with the answer of another node', async () => {
    await record({ name: 'm1', address: '127.0.0.1' });
    answer = () => status('m9', 'uuid-m9', [component('docker', 'healthy')]);
    expect(await cluster()).toMatchObject({ code: 6, out: expect.stringContaining('another node answers there: "m9"') });
  });

  it('is not satisfied with a node that keeps nothing', async () => {
    await record({ name: 'm1', address: '127.0.0.1' });
    answer = () => status('m1', 'uuid-m1', []);
    expect(await cluster()).toMatchObject({ code: 6, out: expect.stringContaining('the agent has no service definitions') });
  });

  it('does not trust what is no status', async () => {
    await record({ name: 'm1', address: '127.0.0.1' });
    answer = () => ({ hello: 'world' });
    expect(await cluster()).toMatchObject({ code: 6, out: expect.stringContaining('its answer is not a status') });
  });

  it('gives the same as data with --json', async () => {
    await record({ name: 'm1', address: '127.0.0.1' });
    answer = () => status('m1', 'uuid-m1', [component('docker', 'healthy')]);
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
    await writeFile(join(temp(), 'cluster.json'), '{"name":"prod","nodes":[]}');
    expect(await cluster()).toMatchObject({ code: 3, error: expect.stringContaining('agentPort') });
  });
});
