import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { agentUnit, askLocalAgent, formatAgentConfig, type AgentStatus } from '../../src/agent/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const EXECUTABLE = join(import.meta.dirname, `../../dist/caisson-linux-${process.arch === 'arm64' ? 'arm64' : 'amd64'}`);
const OPTIONS = /^Environment="?NODE_OPTIONS=(.*?)"?$/m.exec(agentUnit({ executable: '/caisson', config: '/agent.yaml' }))?.[1] ?? '';

const temp = useTempDir();

describe('the executable with the options of the unit of the agent', () => {
  const env = { PATH: process.env['PATH'], NODE_OPTIONS: OPTIONS };

  it('takes them, and says nothing of it', () => {
    expect(OPTIONS).not.toBe('');
    const version = (options: string): unknown =>
      spawnSync(EXECUTABLE, ['--version'], { env: { ...env, NODE_OPTIONS: options }, encoding: 'utf8' });
    expect(version(OPTIONS)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d/), stderr: '' });
    expect(version('--no-such-option')).not.toMatchObject({ status: 0 });
  });

  it('keeps components, and does not hand them on to the commands of probes', async () => {
    const path = (name: string): string => join(temp(), name);
    for (const name of ['conf', 'state', 'units']) await mkdir(path(name));
    const probe = `{ model: cmd, address: 'test -z "$NODE_OPTIONS"', max_errors_num: 0, time_interval: 1 }`;
    await writeFile(
      path('conf/own.yaml'),
      `version: '2.1'\nservices: [{ name: caisson-e2e, only_health_check: true, health: ${probe} }]\n`,
    );
    const config = formatAgentConfig({
      cluster: 'e2e',
      node: { name: 'm1', address: '127.0.0.1', uuid: 'u-1', roles: [] },
      definitions: path('conf'),
      state: path('state'),
      units: path('units'),
      socket: path('agent.sock'),
      listen: { address: '127.0.0.1', port: 0 },
      tls: { certificate: path('none'), key: path('none'), authority: path('none') },
    });
    await writeFile(path('agent.yaml'), config);
    // Without systemd: whether it runs on this machine is not the point here.
    await mkdir(path('bin'));
    await writeFile(path('bin/systemctl'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const agent = spawn(EXECUTABLE, ['agent', 'run', '--config', path('agent.yaml')], {
      env: { ...env, PATH: `${path('bin')}:${env.PATH}` },
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => agent.once('exit', resolve));
    try {
      const status = await statusOf(path('agent.sock'), ({ components }) => !['unknown', undefined].includes(components[0]?.state));
      expect(status.components[0]).toMatchObject({ name: 'caisson-e2e', state: 'healthy' });
      expect((await readFile(`/proc/${agent.pid}/environ`, 'utf8')).includes(OPTIONS)).toBe(true);
    } finally {
      agent.kill();
      await ended;
    }
  });
});

/** The first status of which it is true. */
async function statusOf(socket: string, isTrue: (status: AgentStatus) => boolean): Promise<AgentStatus> {
  for (let turn = 0; turn < 600; turn += 1) {
    const status = await askLocalAgent(socket, { timeoutMs: 10_000, signal: new AbortController().signal }).catch(() => undefined);
    if (status !== undefined && isTrue(status)) return status;
    await sleep(100);
  }
  throw new Error('the agent has no such status within a minute');
}
