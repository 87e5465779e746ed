// What the agent of a node costs while everything is well: processor time of its own and of the programs that it starts, and memory.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { Agent, createServer as createHttpsServer, request } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AGENT_NODE_OPTIONS, askLocalAgent, formatAgentConfig } from '../src/agent/index.ts';
import { MONITORS, systemClock } from '../src/core/index.ts';
import { directoryTree, formatYaml } from '../src/io/index.ts';
import { loadManifests, type ComponentService } from '../src/manifests/index.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../src/pki/index.ts';
import { freePort } from '../test/support/free-port.ts';
import { benchmark, here, start, type Bench } from './support/benchmark.ts';
import { costOf, memoryOf, type ProcessCost } from './support/measure.ts';
import { mebibytes, median, printTable, verdict } from './support/report.ts';
import { appearing, childrenOf, startUserSystemd, type UserSystemd } from './support/user-systemd.ts';

const BAR_PERCENT = 1;
const BAR_BYTES = 80 * 2 ** 20;
/** Seconds from one scrape of the metrics to the next, as the shipped monitoring has it. */
const SCRAPE_SECONDS = 15;
const SAMPLE_MS = 5000;
/** It stands in for etcd on hosts that have none. The other components are 25, of which nfs-server and storage never share a host. */
const LEFT_OUT = 'etcd-proxy';

interface Probes {
  readonly http: number;
  readonly tcp: number;
  /** The same over TLS, for clients that the authority knows. */
  readonly https: number;
  /** Path of a socket on which a container engine answers. */
  readonly engine: string;
  /** Directory of the certificate of the probes. */
  readonly certificates: string;
}

interface Sample {
  readonly own: number;
  readonly programs: number;
  readonly manager: number;
  /** Programs that were started, in a minute. */
  readonly systemctl: number;
  readonly resident: number;
  readonly proportional: number;
  readonly anonymous: number;
}

const connections = new Agent({ keepAlive: true });
const options = { components: '25', minutes: '3', warmup: '60', profile: '', 'node-options': AGENT_NODE_OPTIONS };

await benchmark({ title: 'The agent of a node', room: 2 ** 24, runs: 1, options }, async (bench) => {
  const services = (await shippedServices()).slice(0, Number(bench.option('components')));
  const authority = await createAuthority({ commonName: 'bench', days: 1, clock: systemClock });
  const probes = await startServers(bench, authority);
  const systemd = await startUserSystemd(bench.directory, join(bench.directory, 'shared'));
  writePrograms(bench, systemd, probes);
  const samples: Sample[] = [];
  for (let run = 0; run < bench.runs; run += 1) samples.push(await oneRun(bench, systemd, { services, probes, authority }));
  report(bench, services, samples);
});

/** The services that have a probe, of every component that a node with all roles can have. */
async function shippedServices(): Promise<readonly ComponentService[]> {
  const { components } = await loadManifests(directoryTree(manifestsDirectory()));
  return [...components.values()]
    .filter(({ name }) => name !== LEFT_OUT)
    .flatMap((component) => component.services.filter(({ health }) => health !== undefined));
}

function manifestsDirectory(): string {
  return resolve(here(), '../../manifests');
}

/** What is probed: servers in this process, whose time is not counted. */
async function startServers(bench: Bench, authority: KeyPair): Promise<Probes> {
  const web = createHttpServer((_, response) => response.end('ok\n'));
  const engine = createHttpServer((asked, response) => {
    response.setHeader('api-version', '1.43').setHeader('content-type', 'application/json').setHeader('ostype', 'linux');
    response.end(asked.url?.endsWith('/info') === true ? JSON.stringify({ ID: 'bench', ServerVersion: '20.10' }) : '{}');
  });
  const plain = createServer((socket) => socket.on('error', () => {}).end());
  const path = join(bench.directory, 'engine.sock');
  await new Promise<void>((done) => void engine.listen(path, done));
  engine.unref();
  const own = await issue(authority, [], 'server');
  const options = { cert: own.certificate, key: own.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
  const closed = createHttpsServer(options, (_, response) => response.end('ok\n'));
  const certificates = join(bench.directory, 'probe');
  mkdirSync(certificates);
  const client = await issue(authority, ['system:masters'], 'client');
  const files = { 'ca.crt': authority.certificate, 'tls.crt': client.certificate, 'tls.key': client.key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(certificates, name), text);
  return { http: await listening(web), https: await listening(closed), tcp: await listening(plain), engine: path, certificates };
}

async function issue(authority: KeyPair, organizations: readonly string[], usages: 'client' | 'server'): Promise<KeyPair> {
  const subject = { commonName: 'bench', dnsNames: [], addresses: ['127.0.0.1'], organizations };
  return issueCertificate(authority, { ...subject, usages, days: 1, clock: systemClock });
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  server.unref();
  return (server.address() as AddressInfo).port;
}

/** The programs that the probes by command call, besides those of the base system. */
function writePrograms(bench: Bench, { programs }: UserSystemd, { http }: Probes): void {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  };
  const cluster = { name: 'c', cluster: { server: `http://127.0.0.1:${http}` } };
  const context = { name: 'c', context: { cluster: 'c', user: '' } };
  const kubeconfig = { apiVersion: 'v1', kind: 'Config', clusters: [cluster], contexts: [context], 'current-context': 'c' };
  write(join(bench.directory, 'kubeconfig'), JSON.stringify(kubeconfig));
  for (const program of ['docker', 'kubectl']) if (!isInstalled(program)) write(join(programs, program), '#!/bin/sh\n');
  write(join(bench.directory, 'subnet.env'), 'bench\n');
  const check = readFileSync(join(manifestsDirectory(), 'components/storage/storage-check'), 'utf8');
  write(join(bench.directory, 'storage-check'), storageCheck(check, join(bench.directory, 'shared')));
}

/** The check of the shared storage, on a file system in memory. */
function storageCheck(template: string, shared: string): string {
  const values: Readonly<Record<string, string>> = {
    '${var.shared}': shared,
    '${node.name}': 'bench',
    '${option.storage.choice}': 'nfs',
    '${value.nfs}': 'bench',
    '$${': '${',
  };
  let text = template.replace("kind='nfs4'", "kind='tmpfs'");
  for (const [name, value] of Object.entries(values)) text = text.replaceAll(name, () => value);
  return text.replace('state=/run/storage-check', `state=${shared}/state`);
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Site {
  readonly services: readonly ComponentService[];
  readonly probes: Probes;
  readonly authority: KeyPair;
}

/** Starts an agent, waits until everything is healthy and for the warm-up, and measures it. */
async function oneRun(bench: Bench, systemd: UserSystemd, { services, probes, authority }: Site): Promise<Sample> {
  const path = (name: string): string => join(bench.directory, name);
  for (const name of ['conf', 'state']) {
    rmSync(path(name), { recursive: true, force: true });
    mkdirSync(path(name));
  }
  for (const service of services) writeFileSync(path(`conf/${service.name}.yaml`), definitionOf(bench, service, probes));
  const server = await issue(authority, [], 'server');
  const monitor = await issue(authority, [MONITORS], 'client');
  for (const [name, text] of Object.entries({ crt: server.certificate, key: server.key, ca: authority.certificate }))
    writeFileSync(path(`tls.${name}`), text);
  const port = await freePort();
  const config = formatAgentConfig({
    cluster: 'bench',
    node: { name: 'bench', address: '127.0.0.1', uuid: 'bench', roles: ['manage', 'gateway', 'compute'] },
    definitions: path('conf'),
    state: path('state'),
    units: systemd.units,
    socket: path('agent.sock'),
    listen: { address: '127.0.0.1', port },
    tls: { certificate: path('tls.crt'), key: path('tls.key'), authority: path('tls.ca') },
    certificates: services.map(({ name }) => ({ component: name, name: 'tls', path: path('tls.crt') })),
    directories: ['/', bench.directory, path('shared')],
  });
  writeFileSync(path('agent.yaml'), config);

  const [program = '', ...words] = bench.caisson;
  const profile = bench.option('profile');
  const flags = profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const argv = [...systemd.inside, program, ...flags, ...words, 'agent', 'run', '--config', path('agent.yaml')];
  const env = {
    ...systemd.env,
    DOCKER_HOST: `unix://${probes.engine}`,
    KUBECONFIG: path('kubeconfig'),
    NODE_OPTIONS: bench.option('node-options'),
  };
  const child = start(argv, { stdio: 'ignore', env });
  const pid = await appearing('the agent', () => childrenOf(child.pid)[0]);
  await healthy(path('agent.sock'), services.length);
  await delay(Number(bench.option('warmup')) * 1000);
  const scraping = setInterval(() => scrape(port, monitor, authority), SCRAPE_SECONDS * 1000);
  const sample = await measured(pid, systemd, Number(bench.option('minutes')));
  clearInterval(scraping);
  connections.destroy();
  const ended = new Promise((done) => child.once('exit', done));
  process.kill(pid, 'SIGTERM');
  await ended;
  return sample;
}

/** A definition whose unit sleeps and whose probe is of the same kind and as frequent as that of the shipped service, against a server here. */
function definitionOf(bench: Bench, { name, health, container, process: program }: ComponentService, probes: Probes): string {
  if (health === undefined) throw new Error(`"${name}" has no probe`);
  const commands: Readonly<Record<string, string>> = {
    flannel: `test -s ${join(bench.directory, 'subnet.env')}`,
    storage: join(bench.directory, 'storage-check'),
  };
  const origin = health.certificates === undefined ? `http://127.0.0.1:${probes.http}` : `https://127.0.0.1:${probes.https}`;
  const address = {
    http: health.socket === undefined ? `${origin}/${name}` : health.address,
    tcp: `127.0.0.1:${probes.tcp}`,
    cmd: commands[name] ?? health.address,
  }[health.model];
  const { model, timeInterval, maxErrorsNum } = health;
  const probe = {
    model,
    address,
    time_interval: timeInterval,
    max_errors_num: maxErrorsNum,
    ...(health.certificates === undefined ? {} : { certificates: probes.certificates }),
    ...(health.socket === undefined ? {} : { socket: probes.engine }),
  };
  const kept =
    container === undefined && program === undefined
      ? { only_health_check: true }
      : { start: 'exec sleep infinity', restart_policy: 'always' };
  return formatYaml({ version: '2.1', services: [{ name, health: probe, ...kept }] });
}

async function healthy(socket: string, components: number): Promise<void> {
  const deadline = performance.now() + 300_000;
  let seen = '';
  while (performance.now() < deadline) {
    const status = await askLocalAgent(socket, { timeoutMs: 10_000, signal: new AbortController().signal }).catch(() => undefined);
    const well = status?.components.filter(({ state }) => state === 'healthy').length ?? 0;
    if (well === components) return;
    seen = JSON.stringify(status?.components.filter(({ state }) => state !== 'healthy').map(({ name, reason }) => [name, reason]));
    await delay(1000);
  }
  throw new Error(`not every component became healthy within 5 minutes: ${seen}`);
}

/** As Prometheus does it: over a connection that stays. */
function scrape(port: number, { certificate, key }: KeyPair, authority: KeyPair): void {
  const client = { cert: certificate, key, ca: authority.certificate, agent: connections };
  request(`https://127.0.0.1:${port}/metrics`, client, (response) => response.resume())
    .on('error', (error) => console.error(error.message))
    .end();
}

async function measured(pid: number, systemd: UserSystemd, minutes: number): Promise<Sample> {
  const [before, managerBefore, calls] = [costOf(pid), costOf(systemd.pid), systemd.calls()];
  const began = performance.now();
  const memory: ReturnType<typeof memoryOf>[] = [];
  while (performance.now() - began < minutes * 60_000) {
    await delay(SAMPLE_MS);
    memory.push(memoryOf(pid));
  }
  const took = performance.now() - began;
  const [after, managerAfter] = [costOf(pid), costOf(systemd.pid)];
  const percent = (of: keyof ProcessCost, [from, to]: readonly [ProcessCost, ProcessCost]): number => ((to[of] - from[of]) / took) * 100;
  return {
    own: percent('ownMs', [before, after]),
    programs: percent('childrenMs', [before, after]),
    manager: percent('ownMs', [managerBefore, managerAfter]),
    systemctl: ((systemd.calls() - calls) * 60_000) / took,
    resident: Math.max(...memory.map((one) => one.resident)),
    proportional: Math.max(...memory.map((one) => one.proportional)),
    anonymous: Math.max(...memory.map((one) => one.anonymous)),
  };
}

function report(bench: Bench, services: readonly ComponentService[], samples: readonly Sample[]): void {
  const probesOf = (model: string): readonly number[] =>
    services.flatMap(({ health }) => (health?.model === model ? [health.timeInterval] : []));
  const perMinute = (model: string): number => probesOf(model).reduce((sum, interval) => sum + 60 / interval, 0);
  const kinds = ['http', 'tcp', 'cmd'].map((model) => `${probesOf(model).length} by ${model} (${perMinute(model)} a minute)`);
  const standIns = ['docker', 'kubectl'].filter((program) => !isInstalled(program));
  console.log(`${services.length} components of the shipped manifests, on a node with all roles, all healthy: ${kinds.join(', ')}.`);
  console.log(
    `Simulated: systemd is a user instance, the units sleep, http and tcp servers and the engine's API are those of the benchmark.`,
  );
  if (standIns.length > 0) console.log(`Not installed here, and so a program that does nothing: ${standIns.join(', ')}.`);
  console.log(`Options of Node: ${bench.option('node-options') || 'none'}.`);
  console.log(`Metrics are scraped every ${SCRAPE_SECONDS} s. ${bench.option('minutes')} minutes a run, medians of ${bench.runs} runs.\n`);
  const of = (key: keyof Sample): number => median(samples.map((sample) => sample[key]));
  const percent = (value: number): string => `${value.toFixed(2)} %`;
  const all = median(samples.map(({ own, programs }) => own + programs));
  printTable(
    ['the agent', 'figure', 'bar', 'verdict'],
    [
      ['processor, of one core, its programs included', percent(all), percent(BAR_PERCENT), verdict(all, { atMost: BAR_PERCENT })],
      ['of which the agent itself', percent(of('own')), '', ''],
      ['of which programs that it starts', percent(of('programs')), '', ''],
      ['(systemd, for its questions)', percent(of('manager')), '', ''],
      ['calls of systemctl, a minute', of('systemctl').toFixed(1), '', ''],
      ['resident (VmRSS, the most seen)', mebibytes(of('resident')), mebibytes(BAR_BYTES), verdict(of('resident'), { atMost: BAR_BYTES })],
      ['of which its own pages, not those of files (RssAnon)', mebibytes(of('anonymous')), '', ''],
      ['proportional (Pss)', mebibytes(of('proportional')), '', ''],
    ],
  );
}
