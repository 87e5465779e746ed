import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAgentConfig, type AgentStatus } from '../../../src/agent/index.ts';
import { runCaisson } from '../../support/run-caisson.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const temp = useTempDir();
const STATUS: AgentStatus = {
  node: { name: 'm1', address: '10.0.0.11', uuid: 'u-1' },
  roles: ['manage'],
  version: '1.2.3',
  time: '2025-01-01T00:00:00.000Z',
  components: [{ name: 'etcd', state: 'healthy', since: '2025-01-01T00:00:00.000Z', reason: '', errors: 0 }],
  problems: [],
};
let server: Server;
let asked: string[];
let answer: AgentStatus;
let flags: readonly string[];

beforeEach(async () => {
  asked = [];
  answer = STATUS;
  const socket = join(temp(), 'agent.sock');
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => {
    server.listen(socket, resolve);
  });
  const config = join(temp(), 'agent.yaml');
  await writeFile(
    config,
    formatAgentConfig({
      cluster: 'prod',
      node: { name: 'm1', address: '10.0.0.11', uuid: 'u-1', roles: ['manage'] },
      definitions: '/none',
      state: '/none',
      socket,
      listen: { address: '127.0.0.1', port: 6100 },
      tls: { certificate: '/none', key: '/none', authority: '/none' },
    }),
  );
  flags = ['--config', config];
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe('caisson agent status', () => {
  it('prints what the agent of this node answers', async () => {
    const { status, out } = await runCaisson(['agent', 'status', ...flags]);
    expect(status).toBe(0);
    expect(out).toMatch(/etcd\s+healthy/);
    expect(asked).toEqual(['GET /v1/status']);
  });

  it('ends with 6 when a component is not healthy, or the agent reports a problem', async () => {
    answer = { ...STATUS, components: STATUS.components.map((component) => ({ ...component, state: 'starting', reason: 'no leader' })) };
    const starting = await runCaisson(['agent', 'status', ...flags]);
    expect(starting).toMatchObject({ status: 6, out: expect.stringMatching(/etcd\s+starting.*no leader/) });
    expect(starting.err).toContain('Error NODE_UNHEALTHY: The node "m1" is not healthy: 1 of 1 components not healthy');
    answer = { ...STATUS, problems: [{ about: 'a.yaml', message: 'a.yaml:3:1: is wrong' }] };
    expect(await runCaisson(['agent', 'status', ...flags])).toMatchObject({
      status: 6,
      err: expect.stringContaining('1 problem reported by the agent'),
    });
    answer = { ...STATUS, components: [] };
    expect(await runCaisson(['agent', 'status', ...flags])).toMatchObject({ status: 6, err: expect.stringContaining('no components') });
  });

  it('gives the same as one JSON line', async () => {
    const { out } = await runCaisson(['--json', 'agent', 'status', ...flags]);
    expect(JSON.parse(out)).toEqual({ type: 'result', ...STATUS });
  });
});

describe('caisson agent reload', () => {
  it('has the agent read its definitions again', async () => {
    expect((await runCaisson(['agent', 'reload', ...flags])).status).toBe(0);
    expect(asked).toEqual(['POST /v1/reload']);
  });

  it('fails with every problem when not all definitions could be applied', async () => {
    answer = {
      ...STATUS,
      problems: [
        { about: 'a.yaml', message: 'a.yaml:3:1: is wrong' },
        { about: 'b.service', message: 'b is masked' },
      ],
    };
    const { status, err } = await runCaisson(['agent', 'reload', ...flags]);
    expect(status).toBe(6);
    expect(err).toContain('Error AGENT_RELOAD_FAILED');
    expect(err).toContain('a.yaml:3:1: is wrong\n  b is masked');
  });
});
