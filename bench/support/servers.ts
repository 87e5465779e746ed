import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { PullResult, PullTask } from '../programs/pull.ts';
import { here, start, type Bench } from './benchmark.ts';
import type { ImageSetOptions } from './generated-images.ts';
import { freePort } from '../../test/support/free-port.ts';
import { measure } from './measure.ts';

export interface Server {
  /** 127.0.0.1:port */
  readonly host: string;
  readonly pid: number | undefined;
  readonly stop: () => Promise<void>;
}

/** The registry of generated images, as a process. */
export async function startGeneratedRegistry(options: ImageSetOptions): Promise<Server & { readonly names: readonly string[] }> {
  const child = start([process.execPath, join(here(), 'generated-registry.mjs'), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { host, names } = JSON.parse(await firstLine(child, /^\{/)) as { host: string; names: string[] };
  return { host, names, pid: child.pid, stop: () => stop(child) };
}

/** `caisson serve` of a bundle on a free port. */
export async function startServe(bench: Bench, bundle: string): Promise<Server> {
  const child = start([...bench.caisson, 'serve', bundle, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await firstLine(child, /http:\/\//);
  return { host: /http:\/\/([^\s/]+)/.exec(line)?.[1] ?? '', pid: child.pid, stop: () => stop(child) };
}

/** Debian's docker-registry as it is fastest: no request log. Undefined when it is not installed. */
export async function startDockerRegistry(directory: string): Promise<Server | undefined> {
  const host = `127.0.0.1:${await freePort()}`;
  mkdirSync(directory, { recursive: true });
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, 'storage') }, cache: { blobdescriptor: 'inmemory' } },
    http: { addr: host },
  };
  // JSON is YAML.
  writeFileSync(join(directory, 'config.yml'), JSON.stringify(config));
  return await startListening(['docker-registry', 'serve', join(directory, 'config.yml')], { host, log: join(directory, 'log') });
}

/** nginx with sendfile on the files of a directory. Undefined when it is not installed. */
export async function startNginx(program: string, directory: string, files: string): Promise<Server | undefined> {
  const host = `127.0.0.1:${await freePort()}`;
  mkdirSync(join(directory, 'temp'), { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(directory, 'temp')};`);
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; user root; worker_processes auto; pid ${join(directory, 'nginx.pid')}; error_log stderr crit;
events {}
http { access_log off; sendfile on; tcp_nopush on; ${temporary.join(' ')} server { listen ${host}; root ${files}; } }\n`,
  );
  return await startListening([program, '-p', directory, '-c', join(directory, 'nginx.conf')], { host, log: join(directory, 'log') });
}

/** skopeo without a file that says whom to trust. */
export const SKOPEO: readonly string[] = ['skopeo', '--insecure-policy'];

/** Copies images from one registry on loopback to another as they are. */
export async function copyImages(from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const flags = ['--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false'];
    await measure([...SKOPEO, 'copy', ...flags, `docker://${from}/${name}`, `docker://${to}/${name}`]);
  }
}

/** Runs the clients to their end. */
export async function pull(task: PullTask): Promise<PullResult> {
  const { stdout } = await measure([process.execPath, join(here(), 'pull.mjs'), JSON.stringify(task)]);
  return JSON.parse(stdout) as PullResult;
}

/** Waits until a server accepts connections. Undefined when there is no such program; throws what it wrote when it ends. */
async function startListening(
  argv: readonly string[],
  { host, log }: { readonly host: string; readonly log: string },
): Promise<Server | undefined> {
  const output = openSync(log, 'w');
  const child = start(argv, { stdio: ['ignore', output, output] });
  closeSync(output);
  let missing = false;
  child.once('error', () => (missing = true));
  for (let tries = 0; tries < 200; tries += 1) {
    if (await accepts(host)) return { host, pid: child.pid, stop: () => stop(child) };
    if (missing) return undefined;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`"${argv.join(' ')}" does not listen on ${host}:\n${readFileSync(log, 'utf8').slice(-4000)}`);
}

async function accepts(host: string): Promise<boolean> {
  const [address = '', port = ''] = host.split(':');
  return await new Promise((resolve) => {
    const socket = connect({ host: address, port: Number(port) });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function firstLine(child: ChildProcess, pattern: RegExp): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('The output of this child is not piped');
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`"${child.spawnargs.join(' ')}" ended with status ${status}`)));
    createInterface(stdout).on('line', (line) => {
      if (pattern.test(line)) resolve(line);
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
