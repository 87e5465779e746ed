import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineUsers } from './engine-users.ts';
import { run, which, type RunOptions, type RunResult } from './run.ts';
import { cacheDirectory } from './state.ts';

export interface Engine {
  /** What DOCKER_HOST must say to reach it, for example `unix:///var/run/docker.sock`. */
  readonly host: string;
  /** True when the lab started it (now or in an earlier run): then, and only then, `stop` ends it. */
  readonly ours: boolean;
  /** Runs the docker client against this engine. */
  docker(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * Ends the engine and waits until it is gone, when the lab started it, no other process uses it and no host of any lab runs on it. Safe
   * to call twice.
   */
  stop(): Promise<void>;
}

// Sockets live here because their paths must stay short.
const RUNTIME = '/run/caisson-lab';
const SOCKET = join(RUNTIME, 'docker.sock');
const PID_FILE = join(RUNTIME, 'docker.pid');

async function answers(host: string): Promise<boolean> {
  const asked = await run(['docker', '--host', host, 'version', '--format', '{{.Server.Version}}'], { expect: 'any', timeout: 10_000 });
  return asked.status === 0 && asked.stdout.trim() !== '';
}

/**
 * A Docker engine: the one of DOCKER_HOST, or of /var/run/docker.sock, or one that the lab starts (root needed) with a data
 * directory of its own. An engine that the lab started goes on running until `stop`, so that a lab can be looked at.
 */
export async function ensureEngine(): Promise<Engine> {
  if ((await which('docker')) === undefined) throw new Error('No docker client; install the Debian package docker.io');
  const given = process.env['DOCKER_HOST'];
  if (given !== undefined && given !== '') {
    if (await answers(given)) return engineAt(given, false);
    throw new Error(`No Docker engine answers at DOCKER_HOST "${given}"`);
  }
  if (existsSync('/var/run/docker.sock') && (await answers('unix:///var/run/docker.sock'))) {
    return engineAt('unix:///var/run/docker.sock', false);
  }
  const own = `unix://${SOCKET}`;
  const users = engineUsers();
  return users.alone(async () => {
    if (!(existsSync(SOCKET) && (await answers(own)))) await startEngine(own);
    return engineAt(own, true, await users.enter());
  });
}

function engineAt(host: string, ours: boolean, leave: () => Promise<void> = async () => {}): Engine {
  const docker: Engine['docker'] = (argv, options) => run(['docker', '--host', host, ...argv], options);
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (!ours || isStopped) return;
    isStopped = true;
    const users = engineUsers();
    await users.alone(async () => {
      await leave();
      if (users.areThere() || !(await answers(host))) return;
      const hosts = await docker(['ps', '--quiet', '--filter', 'label=caisson.lab']);
      if (hosts.stdout === '') await stopEngine();
    });
  };
  return { host, ours, docker, stop };
}

async function startEngine(host: string): Promise<void> {
  const program = await which('dockerd');
  if (program === undefined) throw new Error('No Docker engine answers and there is no dockerd; install the Debian package docker.io');
  if (process.getuid?.() !== 0) throw new Error('No Docker engine answers; run as root to have one started, or set DOCKER_HOST');
  mkdirSync(RUNTIME, { recursive: true, mode: 0o700 });
  // An engine that was killed leaves its number behind, and another process may have it by now.
  if (existsSync(PID_FILE) && !isRunning(Number(readFileSync(PID_FILE, 'utf8').trim()))) rmSync(PID_FILE);
  const data = cacheDirectory('engine');
  const log = join(data, 'dockerd.log');
  const output = openSync(log, 'w');
  const flags = ['--data-root', join(data, 'data'), '--exec-root', join(RUNTIME, 'exec'), '--pidfile', PID_FILE, '--host', host];
  const child = spawn(program, flags, { detached: true, stdio: ['ignore', output, output] });
  child.unref();
  for (let attempt = 0; attempt < 120; attempt += 1) {
    if (child.exitCode !== null) break;
    if (existsSync(SOCKET) && (await answers(host))) return;
    await sleep(500);
  }
  throw new Error(`Cannot start dockerd: ${readFileSync(log, 'utf8').slice(-2000)}`);
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('dockerd');
}

async function stopEngine(): Promise<void> {
  if (!existsSync(PID_FILE)) return;
  const pid = Number(readFileSync(PID_FILE, 'utf8').trim());
  if (!Number.isSafeInteger(pid) || pid <= 1 || !isRunning(pid)) return;
  process.kill(pid, 'SIGTERM');
  for (let attempt = 0; attempt < 60 && isRunning(pid); attempt += 1) await sleep(500);
  rmSync(RUNTIME, { recursive: true, force: true });
}
