import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { parseServiceFile } from '../../src/agent/index.ts';
import { DigestMismatchError, digestOf, hexOf } from '../../src/core/index.ts';
import { quoteCommand, type Command, type CommandResult, type Host, type UploadOptions } from '../../src/host/index.ts';
import { HOST_STATE_SCRIPT } from '../../src/preflight/host-state.ts';
import { AGENT_UNIT, DEPOT_UNIT, EXECUTABLE } from '../../src/site/index.ts';
import { INSPECT_SCRIPT } from '../../src/install/managed-files.ts';
import { FRESHNESS_SCRIPT } from '../../src/install/unit-freshness.ts';
import { FACTS_SCRIPT } from '../../src/host/facts-script.ts';
import { setBlock } from '../../src/host/remote-files.ts';
import { WAYS_SCRIPT } from '../../src/preflight/ways.ts';
import { PACKAGES } from './sample-install.ts';

interface SimulatedFile {
  readonly content: Buffer;
  readonly mode: number;
  readonly owner: string;
  readonly changed: number;
}

interface SimulatedUnit {
  enabled: boolean;
  /** When it was started; undefined while it does not run. */
  started: number | undefined;
  /** Content of its file when systemd read it last. */
  loaded: string;
}

/** What happens to the installer: after so many commands on all machines it is dead, and nothing of it reaches any machine. */
export class Installer {
  commands = 0;
  /** The command (counted from 1) at which it dies; the machine carries that one out or not. */
  death: { readonly at: number; readonly carriedOut: boolean } | undefined;

  get dead(): boolean {
    return this.death !== undefined && this.commands >= this.death.at;
  }
}

export interface MachineOptions {
  readonly name: string;
  readonly address: string;
  readonly local: boolean;
  /** Answers `docker image inspect`: the image id for a digest of a manifest. */
  readonly imageIds: ReadonlyMap<string, string>;
  readonly definitions: string;
  /** Real directory where the installer keeps the files of the seed that it reads and writes itself. */
  readonly seedRoot: string;
  readonly installer: Installer;
}

/**
 * A Debian host in memory, seen through the commands that the installer uses. It keeps what lasts: files, directories,
 * units, packages, images. Any command that it does not know fails the test that sent it.
 */
export class SimulatedMachine implements Host {
  readonly name: string;
  readonly address: string;
  readonly local: boolean;
  readonly files = new Map<string, SimulatedFile>();
  readonly directories = new Map<string, { mode: number; owner: string }>();
  readonly units = new Map<string, SimulatedUnit>();
  readonly packages = new Map<string, string>();
  readonly images = new Map<string, string>();
  /** A kill in the middle of dpkg leaves this: apt refuses to work until it is mended. */
  halfInstalled = false;
  /** Lines that change the answer to the questions of preflight. */
  facts: Readonly<Record<string, string>> = {};
  /** Ways from this machine that a filter closes, as `ADDRESS PORT`. */
  readonly filtered = new Set<string>();
  /** Questions of preflight that this machine never answers: their time ends. */
  frozen = false;
  /** Every command line, in order. */
  readonly lines: string[] = [];
  readonly #options: MachineOptions;
  #time = 1_800_000_000;
  #depot: Server | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    this.local = options.local;
    this.write('/etc/hosts', '127.0.0.1 localhost\n', 0o644);
  }

  async run(command: Command, options: { readonly signal?: AbortSignal } = {}): Promise<CommandResult> {
    options.signal?.throwIfAborted();
    return this.#obey(
      async () => {
        this.lines.push(quoteCommand(command.argv));
        return { exitCode: 0, stdout: '', stderr: '', ...(await this.#answer(command)) };
      },
      // What apt had begun when its caller died stays half-way.
      () => {
        if (command.argv.includes('install') && command.argv[0] === 'apt-get') this.halfInstalled = this.packages.size > 0;
      },
    );
  }

  async upload(source: Readable | Uint8Array | string, path: string, options: UploadOptions): Promise<void> {
    options.signal?.throwIfAborted();
    const content = source instanceof Readable ? await buffer(source) : Buffer.from(source);
    await this.#obey(async () => {
      const actual = digestOf(content);
      if (options.digest !== undefined && options.digest !== actual) {
        throw new DigestMismatchError(`"${path}"`, { digest: options.digest }, { digest: actual, size: content.length });
      }
      this.write(path, content, options.mode, options.owner);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends what the simulated units listen on. */
  async powerOff(): Promise<void> {
    await new Promise<void>((resolve) => (this.#depot === undefined ? resolve() : this.#depot.close(() => resolve())));
    this.#depot = undefined;
  }

  write(path: string, content: string | Buffer, mode: number, owner = 'root:root'): void {
    this.files.set(path, { content: Buffer.from(content), mode, owner, changed: this.#tick() });
  }

  /** What lasts, in comparable form: times are left out, and the bytes of what is made anew at every site. */
  state(): unknown {
    const isOfSite = (path: string): boolean => /\.(key|crt|asc|conf)$|conf\/store\.yaml$/.test(path);
    return {
      files: byName(this.files).map(([path, { content, mode, owner }]) => [path, mode, owner, isOfSite(path) ? '' : content.toString()]),
      directories: byName(this.directories),
      units: byName(this.units).map(([name, { enabled, started }]) => [name, enabled, started !== undefined]),
      packages: byName(this.packages),
      images: byName(this.images),
    };
  }

  /** Counts a command, and dies with the installer before or after it. */
  async #obey<T>(work: () => Promise<T>, cutShort: () => void = () => {}): Promise<T> {
    const { installer } = this.#options;
    if (installer.dead) throw new Error('the installer is dead');
    installer.commands += 1;
    const dying = installer.dead;
    if (dying && installer.death?.carriedOut !== true) {
      cutShort();
      throw new Error('the installer was killed');
    }
    const result = await work();
    if (dying) throw new Error('the installer was killed');
    return result;
  }

  #tick(): number {
    this.#time += 1;
    return this.#time;
  }

  async #answer(command: Command): Promise<Partial<CommandResult>> {
    const [program = '', ...words] = command.argv.filter((word) => word !== '--no-pager' && word !== '--');
    switch (program) {
      case 'timeout':
        return this.frozen ? { exitCode: 124 } : this.#answer({ ...command, argv: command.argv.slice(3) });
      case '/bin/sh':
        return command.input === FACTS_SCRIPT ? { stdout: this.#facts(words.slice(1)) } : this.#script(command);
      case 'systemctl':
        return this.#systemctl(words);
      case 'apt-get':
        return this.#apt(words.filter((word) => !word.startsWith('-')));
      case 'dpkg':
        return {};
      case 'dpkg-query':
        return {
          stdout: words
            .slice(2)
            .flatMap((name) => this.#packageLine(name))
            .join(''),
        };
      case 'docker':
        return this.#docker(words);
      case EXECUTABLE:
        return this.#caisson(words);
      case 'test':
        return { exitCode: this.files.has(words[1] ?? '') ? 0 : 1 };
      case 'id':
        return { stdout: '0\n' };
      default:
        throw this.#unknown(command);
    }
  }

  #unknown({ argv }: Command): Error {
    return new Error(`the simulated machine "${this.name}" does not know: ${quoteCommand(argv)}`);
  }

  #script(command: Command): Partial<CommandResult> {
    const [, , script = '', , ...parameters] = command.argv;
    const [path = '', ...rest] = parameters;
    if (script === INSPECT_SCRIPT) return { stdout: this.#inspect(parameters) };
    if (script === FRESHNESS_SCRIPT) return this.#freshness(path, rest);
    if (script === WAYS_SCRIPT) return { stdout: this.#ways(Buffer.from(command.input ?? '').toString()) };
    if (script === HOST_STATE_SCRIPT) return { stdout: this.#hostState(parameters) };
    // Scripts of src/host: a digest, a text, a block of a file, a directory.
    if (script.includes('sha256sum <')) {
      const file = this.files.get(path);
      return file === undefined ? { exitCode: 44 } : { stdout: `${hexOf(digestOf(file.content))}  -\n` };
    }
    if (script.includes('head -c')) {
      const file = this.files.get(path);
      return file === undefined ? { exitCode: 44 } : { stdout: file.content.toString() };
    }
    if (script.includes('mktemp')) {
      this.write(path, Buffer.from(command.input ?? ''), 0o644);
      return {};
    }
    if (script.includes('mkdir -p')) {
      this.directories.set(path, { owner: rest[0] ?? '', mode: Number.parseInt(rest[1] ?? '', 8) });
      return {};
    }
    throw this.#unknown(command);
  }

  #inspect(parameters: readonly string[]): string {
    const divider = parameters.indexOf('--');
    const show = (path: string, mode: number, owner: string, kind: string): string =>
      `${mode.toString(8)} ${owner} ${owner} ${kind}\t${path}\0`;
    const directories = parameters.slice(0, divider).flatMap((path) => {
      const found = this.directories.get(path);
      return found === undefined ? [] : [show(path, found.mode, found.owner, 'directory')];
    });
    const files = parameters.slice(divider + 1).flatMap((path) => {
      const found = this.files.get(path);
      return found === undefined ? [] : [show(path, found.mode, found.owner, hexOf(digestOf(found.content)))];
    });
    return [...directories, ...files].join('');
  }

  #unitFile(name: string): string | undefined {
    return this.files.get(posix.join('/etc/systemd/system', name))?.content.toString();
  }

  #unitOf(name: string): SimulatedUnit | undefined {
    return this.units.get(name.includes('.') ? name : `${name}.service`);
  }

  #freshness(name: string, paths: readonly string[]): Partial<CommandResult> {
    const unit = this.#unitOf(name);
    const own = paths.filter((path) => !(path.startsWith(`${this.#options.seedRoot}/`) && existsSync(path)));
    const files = own.map((path) => this.files.get(path));
    if (files.includes(undefined)) return { exitCode: 1 };
    const text = this.#unitFile(name);
    const lines = [
      `ActiveState=${unit?.started === undefined ? 'inactive' : 'active'}`,
      `UnitFileState=${unit?.enabled === true ? 'enabled' : 'disabled'}`,
      `NeedDaemonReload=${text === undefined || text === unit?.loaded ? 'no' : 'yes'}`,
      `ActiveEnterTimestampMonotonic=${(unit?.started ?? 0) * 1e6}`,
      'Now=0',
      'Uptime=0',
      ...files.map((file) => `Changed=${file?.changed ?? 0}`),
    ];
    return { stdout: `${lines.join('\n')}\n` };
  }

  async #systemctl([verb, ...words]: readonly string[]): Promise<Partial<CommandResult>> {
    const name = words.find((word) => !word.startsWith('-'));
    if (verb === 'daemon-reload') {
      for (const path of this.files.keys()) {
        if (!path.startsWith('/etc/systemd/system/')) continue;
        const unit = posix.basename(path);
        const known = this.units.get(unit) ?? { enabled: false, started: undefined, loaded: '' };
        this.units.set(unit, { ...known, loaded: this.#unitFile(unit) ?? '' });
      }
      return {};
    }
    const unit = this.#unitOf(name ?? '');
    if (unit === undefined) return { exitCode: 5, stderr: `Unit ${name ?? ''} not found.\n` };
    if (verb === 'enable') unit.enabled = true;
    else if (verb === 'restart') {
      unit.started = this.#tick();
      if (name === DEPOT_UNIT) await this.#startDepot();
    } else throw new Error(`the simulated systemctl does not know ${verb ?? ''}`);
    return {};
  }

  /** Answers /healthz with the certificate that its unit names, as the depot does. */
  async #startDepot(): Promise<void> {
    const text = this.#unitFile(DEPOT_UNIT) ?? '';
    const valueOf = (flag: string): string => new RegExp(`${flag} (\\S+)`).exec(text)?.[1] ?? '';
    const contentOf = (path: string): Buffer => this.files.get(path)?.content ?? Buffer.alloc(0);
    const bundle = /serve (\S+)/.exec(text)?.[1] ?? '';
    await this.powerOff();
    const body = JSON.stringify({ status: 'ok', bundles: [{ digest: this.bundleDigests.get(posix.basename(bundle)) ?? 'unknown' }] });
    const server = createServer({ cert: contentOf(valueOf('--tls-cert')), key: contentOf(valueOf('--tls-key')) }, (_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(body);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(/:(\d+)$/.exec(valueOf('--listen'))?.[1]), '127.0.0.1', resolve);
    });
    server.unref();
    this.#depot = server;
  }

  /** Digest of bundles by the names that they have on the seed. */
  bundleDigests: ReadonlyMap<string, string> = new Map();

  #apt([verb, ...names]: readonly string[]): Partial<CommandResult> {
    if (verb === 'update') {
      const url = /https:\/\/(\S+) (\S+)/.exec(this.files.get('/etc/caisson/apt/sources.list')?.content.toString() ?? '');
      if (url === null) return { exitCode: 100, stderr: 'E: no sources\n' };
      const list = `${(url[1] ?? '').replaceAll('/', '_')}_dists_${url[2] ?? ''}_InRelease`;
      this.write(posix.join('/var/lib/caisson/apt/lists', list), 'metadata', 0o644);
      return {};
    }
    if (verb !== 'install') throw new Error(`the simulated apt-get does not know ${verb ?? ''}`);
    // Without names it is --fix-broken, which mends what is half-way.
    if (names.length === 0) {
      this.halfInstalled = false;
      return {};
    }
    if (this.halfInstalled) return { exitCode: 100, stderr: 'E: Unmet dependencies. Try apt --fix-broken install\n' };
    for (const name of names) this.packages.set(name, PACKAGES[name] ?? '1.0');
    if (names.includes('docker.io')) {
      const known = this.units.get('docker.service');
      this.units.set('docker.service', known ?? { enabled: true, started: this.#tick(), loaded: '' });
    }
    return {};
  }

  #packageLine(name: string): string[] {
    const version = this.packages.get(name);
    const status = this.halfInstalled ? 'unpacked' : 'installed';
    return version === undefined ? [] : [`${status} ok\t${name}\t${version}\n`];
  }

  #docker([verb, ...words]: readonly string[]): Partial<CommandResult> {
    if (this.#unitOf('docker')?.started === undefined) return { exitCode: 1, stderr: 'Cannot connect to the Docker daemon\n' };
    if (verb === 'image') {
      const id = this.images.get(words.at(-1) ?? '');
      return id === undefined ? { exitCode: 1, stderr: 'No such image\n' } : { stdout: `${id}\n` };
    }
    if (verb === 'pull') {
      const reference = words.at(-1) ?? '';
      const id = this.#options.imageIds.get(reference.slice(reference.indexOf('@') + 1));
      if (id === undefined) return { exitCode: 1, stderr: 'manifest unknown\n' };
      this.images.set(reference, id);
      return {};
    }
    if (verb !== 'tag') throw new Error(`the simulated docker does not know ${verb ?? ''}`);
    const [source = '', name = ''] = words;
    const id = this.images.get(source);
    if (id === undefined) return { exitCode: 1, stderr: 'No such image\n' };
    this.images.set(name, id);
    return {};
  }

  /** The agent reads its definitions whenever it is asked, and a service is well when its image is there. */
  #caisson(words: readonly string[]): Partial<CommandResult> {
    if (!this.files.has(EXECUTABLE)) return { exitCode: 127, stderr: `${EXECUTABLE}: not found\n` };
    if (this.#unitOf(AGENT_UNIT)?.started === undefined) return { exitCode: 6, stderr: 'Cannot ask the agent\n' };
    if (words.includes('reload')) return {};
    const time = '2026-01-01T00:00:00.000Z';
    const components = [...this.files]
      .filter(([path]) => posix.dirname(path) === this.#options.definitions)
      .flatMap(([path, { content }]) => parseServiceFile(content.toString(), path))
      .map(({ name, start, onlyHealthCheck }) => {
        const well = onlyHealthCheck || [...this.images.keys()].some((image) => start.includes(` ${image}`));
        return { name, state: well ? 'healthy' : 'unhealthy', since: time, reason: well ? '' : 'no image', errors: 0 };
      });
    const node = { name: this.name, address: this.address, uuid: 'u' };
    return { stdout: `${JSON.stringify({ type: 'result', node, roles: [], version: '0', time, components, problems: [] })}\n` };
  }

  #hostState([definitions = '', units = '', , agent = '', depot = '']: readonly string[]): string {
    const has = (path: string): boolean => this.files.has(path);
    const hosts = setBlock(this.files.get('/etc/hosts')?.content.toString() ?? '', 'caisson', []);
    return [
      ...[agent, depot].filter((unit) => has(posix.join(units, unit))).map((unit) => `unit ${unit}`),
      ...(has(EXECUTABLE) ? ['executable'] : []),
      ...[...this.files.keys()].filter((path) => posix.dirname(path) === definitions).map((path) => `definition ${posix.basename(path)}`),
      ...hosts.split('\n').map((line) => `hosts ${line}`),
      ...(has(posix.join(units, agent)) ? [] : ['strangers']),
      '',
    ].join('\n');
  }

  /** Nothing listens that was not installed, and what is not filtered refuses. */
  #ways(input: string): string {
    const ways = input.split('\n').filter((line) => line !== '');
    return ways.map((way) => `${this.filtered.has(way) ? 'silent' : 'open'} ${way}\n`).join('');
  }

  #facts(paths: readonly string[]): string {
    const sections: Record<string, string> = {
      time: `${(Date.UTC(2026, 0, 1) / 1000).toFixed(0)}.0`,
      hostname: this.name,
      'os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
      kernel: '6.1.0-18-amd64',
      machine: 'x86_64',
      'dpkg-architecture': 'amd64',
      systemd: 'running',
      cpus: '8',
      meminfo: 'MemTotal: 16000000 kB\nSwapTotal: 0 kB',
      overcommit: '0',
      cgroup: '2',
      'machine-id': `id-of-${this.name}`,
      'product-uuid': '',
      docker: '',
      hosts: '',
      addresses: `1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet ${this.address}/24 scope global eth0`,
      routes: 'Iface\tDestination',
      sockets: 'ss\ntcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))',
      ...Object.fromEntries(paths.map((path) => [`filesystem ${path}`, '/dev/vda1 500000000000 1 400000000000 1% /'])),
      ...this.facts,
      end: '',
    };
    return Object.entries(sections)
      .map(([name, text]) => `@@ ${name}\n${text}\n`)
      .join('');
  }
}

function byName<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}
