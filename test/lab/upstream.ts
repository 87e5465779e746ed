import { spawn } from 'node:child_process';
import { readFileSync, openSync, closeSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { run, which } from './run.ts';
import { runDirectory } from './state.ts';

/** The registry that stands in for docker.io: a real one (Debian's docker-registry), on loopback only. */
export interface Upstream {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, as `--mirror docker.io=…` takes it. */
  readonly url: string;
  /** Stores the image of an OCI image layout under `reference` (`rainbond/etcd:v3.2.25`). */
  push(layout: string, reference: string): Promise<void>;
  /** Ends the registry and removes its storage. Safe to call twice. */
  stop(): Promise<void>;
}

/** Starts an empty registry. It ends with `stop`, and with this process if that is killed. */
export async function startUpstream(): Promise<Upstream> {
  const program = await which('docker-registry');
  if (program === undefined) throw new Error('No docker-registry; install the Debian package docker-registry');
  const directory = runDirectory('upstream');
  const port = await freePort();
  const configuration = join(directory, 'config.yml');
  await writeFile(
    configuration,
    [
      'version: 0.1',
      'log: { level: warn }',
      `storage: { filesystem: { rootdirectory: ${JSON.stringify(join(directory, 'data'))} }, delete: { enabled: true } }`,
      `http: { addr: "127.0.0.1:${port}" }`,
      '',
    ].join('\n'),
  );
  const log = openSync(join(directory, 'registry.log'), 'w');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, 'serve', configuration], { stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    child.on('error', () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntilItAnswers(url, () => child.exitCode !== null);
  } catch (error) {
    const words = readFileSync(join(directory, 'registry.log'), 'utf8').slice(-2000);
    await stop();
    throw new Error(`Cannot start docker-registry: ${words}`, { cause: error });
  }
  return {
    port,
    url,
    push: async (layout, reference) => {
      const flags = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false'];
      await run(['skopeo', ...flags, `oci:${layout}`, `docker://127.0.0.1:${port}/${reference}`]);
    },
    stop,
  };
}

async function waitUntilItAnswers(url: string, hasEnded: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (hasEnded()) throw new Error('it ended at once');
    const status = await fetch(`${url}/v2/`).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    await sleep(100);
  }
  throw new Error('it does not answer');
}
