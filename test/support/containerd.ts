import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './ask.ts';

export interface Containerd {
  /** Runs ctr in a namespace of this containerd. */
  ctr(namespace: string, ...argv: readonly string[]): Promise<string>;
  /** Stops it and removes its directory. */
  stop(): Promise<void>;
}

/** Starts a containerd with root, state and socket in a temporary directory, without the plugin for Kubernetes. */
export async function startContainerd(): Promise<Containerd> {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-ctr-'));
  const socket = join(directory, 'socket');
  for (const name of ['root', 'state']) mkdirSync(join(directory, name));
  const log = join(directory, 'log');
  const config = join(directory, 'config.toml');
  writeFileSync(
    config,
    `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
address = "${socket}"
[ttrpc]
address = "${socket}.ttrpc"
`,
  );
  const output = openSync(log, 'w');
  const child = spawn('containerd', ['-c', config, '--log-level', 'warn'], { stdio: ['ignore', output, output] });
  closeSync(output);
  let missing = false;
  child.once('error', () => (missing = true));
  const ctr = async (namespace: string, ...argv: readonly string[]): Promise<string> =>
    (await ask(directory, 'ctr', '--address', socket, '--namespace', namespace, ...argv)).stdout;

  for (let tries = 0; ; tries += 1) {
    if (missing) throw new Error('this test asks containerd: install the Debian package containerd');
    try {
      await ctr('default', 'version');
      break;
    } catch (error) {
      if (child.exitCode !== null || tries === 100) {
        child.kill('SIGKILL');
        throw new Error(`containerd does not answer:\n${readFileSync(log, 'utf8').slice(-4000)}`, { cause: error });
      }
      await sleep(100);
    }
  }
  return {
    ctr,
    stop: async () => {
      if (child.exitCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
