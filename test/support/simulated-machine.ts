import { existsSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { HELD_FILE, parseHeld, parseServiceFile, UNIT_MARK } from '../../src/agent/index.ts';
import { DigestMismatchError, digestOf, hasCode, hexOf, type Emit } from '../../src/core/index.ts';
import { FACTS_SCRIPT } from '../../src/host/facts-script.ts';
import {
  DESCRIBE_FILE_SCRIPT,
  quoteCommand,
  READ_CHUNK_SCRIPT,
  type Command,
  type CommandResult,
  type Host,
  type UploadOptions,
} from '../../src/host/index.ts';
import { setBlock } from '../../src/host/remote-files.ts';
import { hostStateScript } from '../../src/preflight/host-state.ts';
import { SYNCED_WRITES_SCRIPT } from '../../src/preflight/writes.ts';
import { WAYS_SCRIPT } from '../../src/preflight/ways.ts';
import {
  DOCKER_COPY_SCRIPT,
  DOCKER_IMAGES_SCRIPT,
  DOCKER_REMOVE_CONTAINERS_SCRIPT,
  DOCKER_REMOVE_IMAGES_SCRIPT,
} from '../../src/resources/containers/docker/docker-engine.ts';
import { SIMULATION_SCRIPT } from '../../src/resources/packages/apt/simulation.ts';
import { RETIRE_SCRIPT, UNIT_DIGESTS_SCRIPT } from '../../src/resources/definition.ts';
import { LOOK_LINKS_SCRIPT, MAKE_LINK_SCRIPT, REMOVE_LINKS_SCRIPT } from '../../src/resources/link.ts';
import { READ_KEYS_SCRIPT, WRITE_KEYS_SCRIPT } from '../../src/resources/login-key.ts';
import { LOAD_MODULES_SCRIPT, LOOK_MODULES_SCRIPT, UNLOAD_MODULES_SCRIPT } from '../../src/resources/module.ts';
import { INSPECT_SCRIPT, KEEP_SCRIPT, PLACE_SCRIPT, REMOVE_EMPTY_SCRIPT, RESTORE_SCRIPT } from '../../src/resources/paths.ts';
import { LOOK_ROUTES_SCRIPT } from '../../src/resources/route.ts';
import { LOOK_SYSCTL_SCRIPT, SET_SYSCTL_SCRIPT, UNSET_SYSCTL_SCRIPT } from '../../src/resources/sysctl.ts';
import { FILE_TIMES_SCRIPT } from '../../src/resources/unit.ts';
import { MAKE_USER_SCRIPT, REMOVE_USERS_SCRIPT } from '../../src/resources/user.ts';
import { AGENT_CONFIG, AGENT_STATE, AGENT_UNIT, DATA_PLACE, DEPOT_UNIT, EXECUTABLE, HOST_RECORD, UNITS } from '../../src/site/index.ts';
import { RELEASE_SCRIPT } from '../../src/usecases/apply/host-record.ts';
import { EMPTY_PLACE_SCRIPT, MOVE_FILE_SCRIPT, REMOVE_PLACES_SCRIPT } from '../../src/usecases/backup/component-data.ts';
import { GIVE_PLACE_SCRIPT, MAKE_ROOM_SCRIPT } from '../../src/usecases/backup/data-steps.ts';
import { LOOK_AT_DATA_SCRIPT } from '../../src/usecases/filled-directories.ts';
import { EXECUTABLE_BYTES, PACKAGES } from './sample-install.ts';
import { HOST_TOOLS } from './site-tools.ts';

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
  /** When it was reloaded last. */
  reloaded?: number;
  /** Content of its file when systemd read it last. */
  loaded: string;
  /** Content of its file with which systemd started it last. */
  running?: string;
  /** True when a package installed its file. */
  isPackaged?: boolean;
}

/** The lasting state of a machine in comparable form. */
export interface MachineState {
  readonly files: readonly (readonly [path: string, mode: number, owner: string, content: string])[];
  readonly directories: readonly (readonly [path: string, described: { readonly mode: number; readonly owner: string }])[];
  /** Everything else, by its kind. */
  readonly [kind: string]: unknown;
}

/** The process of the installer. It dies at a given command, counted over all machines; later commands reach no machine. */
export class Installer {
  commands = 0;
  /** The command (counted from 1) at which it dies; the machine carries that one out or not. */
  death: { readonly at: number; readonly carriedOut: boolean } | undefined;
  /** Called at the moment of death, after the command where that is carried out. */
  onDeath: () => void = () => {};

  get dead(): boolean {
    return this.death !== undefined && this.commands >= this.death.at;
  }

  /**
   * Returns a listener for the events of a run, which lets the installer die a number of commands after the end of the first such
   * step. Unlike a count of commands, this place does not move when a run has one more.
   */
  dyingAfter(isStep: (id: string) => boolean, commands = 0): Emit {
    return (event) => {
      if (event.type !== 'step.finished' || this.death !== undefined || !isStep(event.step)) return;
      this.death = { at: this.commands + commands, carriedOut: true };
    };
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

/** Units that packages bring, and start. */
const UNIT_OF_PACKAGE: Readonly<Record<string, string>> = {
  'docker.io': 'docker.service',
  haproxy: 'haproxy.service',
  keepalived: 'keepalived.service',
};

/**
 * A Debian host in memory, seen through the commands that the installer uses. It keeps what lasts: files, directories,
 * units, packages, images. Any command that it does not know fails the test that sent it.
 */
export class SimulatedMachine implements Host {
  readonly name: string;
  readonly address: string;
  /** True for the machine that runs the installer. */
  local: boolean;
  /** Real directory of the files of the seed that the installer reads and writes itself. */
  seedRoot: string;
  readonly files = new Map<string, SimulatedFile>();
  readonly directories = new Map<string, { mode: number; owner: string }>();
  readonly units = new Map<string, SimulatedUnit>();
  readonly packages = new Map<string, string>();
  /** Dependencies of packages, by name. They are installed along. */
  readonly packageNeeds = new Map<string, readonly string[]>();
  /** Packages that were installed for others. */
  readonly automatic = new Set<string>();
  readonly users = new Map<string, { readonly id: number; readonly home: string }>();
  /** Files in images, as `IMAGE MEMBER`. */
  readonly members = new Map<string, string>();
  /** Files that the depot serves, by URL. */
  readonly served = new Map<string, string>();
  /** Digests of bundles by the content of their files, as `caisson verify` finds them. */
  readonly copies = new Map<string, string>();
  readonly images = new Map<string, string>();
  readonly sysctls = new Map<string, string>();
  readonly modules = new Set<string>();
  /** Destinations of routes that somebody deleted since their units were started. */
  readonly lostRoutes = new Set<string>();
  /** Symbolic links and where they lead. */
  readonly links = new Map<string, string>();
  /** Units that were restarted while they ran, in order. */
  readonly restarted: string[] = [];
  /** Commands of the platform, such as those of actions, by the name of the program or by the whole line. */
  readonly programs = new Map<
    string,
    (words: readonly string[], machine: SimulatedMachine, containerFlags: readonly string[]) => Partial<CommandResult>
  >();
  /** Answer to the question which packages an install would bring; undefined where nothing stands against them. */
  unfit: string | undefined;
  /** True after a kill in the middle of dpkg: apt refuses to work until a repair. */
  halfInstalled = false;
  /** Lines that change the answer to the questions of preflight. */
  facts: Readonly<Record<string, string>> = {};
  /** Ways from this machine that a filter closes, as `ADDRESS PORT`. */
  readonly filtered = new Set<string>();
  /** True when the machine answers no question of preflight, so that each ends by its time limit. */
  frozen = false;
  /** False for a machine that no login reaches. */
  reachable = true;
  /** Every command line, in order. */
  readonly lines: string[] = [];
  readonly #options: MachineOptions;
  /** Time of its clock in milliseconds, as preflight is told. It stands. */
  clockMs = Date.UTC(2026, 0, 1);
  #time = 1_800_000_000;
  #depot: Server | undefined;
  /** Digest of the text of each unit that the agent wrote and has not removed since, by name. */
  readonly #written = new Map<string, string>();
  readonly #remembered = new Map<string, ReturnType<typeof parseServiceFile>>();

  constructor(options: MachineOptions) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    this.local = options.local;
    this.seedRoot = options.seedRoot;
    for (const path of ['/etc/systemd/system', '/etc/sysctl.d', '/etc/modules-load.d', '/usr/local/bin', '/var/lib', '/opt'])
      this.#makeParents(`${path}/x`);
    this.write('/etc/hosts', '127.0.0.1 localhost\n', 0o644);
  }

  async run(command: Command, options: { readonly signal?: AbortSignal } = {}): Promise<CommandResult> {
    options.signal?.throwIfAborted();
    return this.#obey(
      async () => {
        this.lines.push(quoteCommand(command.argv));
        return { exitCode: 0, stdout: '', stderr: '', ...(await this.#answer(command)) };
      },
      // A package whose installation was interrupted by the death of the installer stays half-installed.
      () => {
        if (command.argv[0] !== 'apt-get' || command.argv.includes('--simulate')) return;
        if (command.argv.includes('install')) this.halfInstalled = this.packages.size > 0;
        const removal = command.argv.findIndex((word) => word === 'remove' || word === 'purge');
        if (removal > 0) this.#removePackage(command.argv[removal + 1] ?? '');
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

  /** Closes the servers of the simulated units. */
  async powerOff(): Promise<void> {
    await new Promise<void>((resolve) => (this.#depot === undefined ? resolve() : this.#depot.close(() => resolve())));
    this.#depot = undefined;
  }

  /** Keeps the machine as it is. Each call of the returned function makes it so again, with its servers. */
  keep(): () => Promise<void> {
    const maps = this.#maps().map((map): readonly [Map<string, unknown>, readonly (readonly [string, unknown])[]] => [map, [...map]]);
    const sets = this.#sets().map((set): readonly [Set<string>, readonly string[]] => [set, [...set]]);
    const units = [...this.units].map(([name, unit]): readonly [string, SimulatedUnit] => [name, { ...unit }]);
    const { local, seedRoot, halfInstalled, facts, frozen, bundleDigests } = this;
    const [time, isServing, lines] = [this.#time, this.#depot !== undefined, this.lines.length];
    return async () => {
      await this.powerOff();
      for (const [map, entries] of maps) fill(map, entries);
      for (const [set, members] of sets) {
        set.clear();
        for (const member of members) set.add(member);
      }
      fill(
        this.units,
        units.map(([name, unit]) => [name, { ...unit }]),
      );
      Object.assign(this, { local, seedRoot, halfInstalled, facts, frozen, bundleDigests });
      this.#time = time;
      this.lines.splice(lines);
      this.restarted.splice(0);
      if (isServing) await this.#startDepot();
    };
  }

  /** Everything that lasts but units, which change in place. */
  #maps(): readonly Map<string, unknown>[] {
    const { files, directories, packages, packageNeeds, users, members, served, copies, images, sysctls, links } = this;
    return [
      files,
      directories,
      packages,
      packageNeeds,
      users,
      members,
      served,
      copies,
      images,
      sysctls,
      links,
      this.#remembered,
      this.#written,
    ];
  }

  #sets(): readonly Set<string>[] {
    return [this.automatic, this.modules, this.lostRoutes, this.filtered, this.sick];
  }

  write(path: string, content: string | Buffer, mode: number, owner = 'root:root'): void {
    this.#makeParents(path);
    this.files.set(path, { content: Buffer.from(content), mode, owner, changed: this.#tick() });
  }

  #makeParents(path: string): void {
    const parent = posix.dirname(path);
    if (parent === '/' || this.directories.has(parent)) return;
    this.#makeParents(parent);
    this.directories.set(parent, { mode: 0o755, owner: 'root:root' });
  }

  /**
   * The lasting state in comparable form. Times are left out; so are, unless `exact`, the bytes that every site makes
   * anew.
   */
  state({ exact = false }: { readonly exact?: boolean } = {}): MachineState {
    const isOfSite = (path: string): boolean => !exact && /\.(key|crt|asc|conf)$|conf\/store\.yaml$|\/store\.service$/.test(path);
    return {
      files: byName(this.files).map(([path, { content, mode, owner }]) => [
        path,
        mode,
        owner,
        isOfSite(path) ? '' : path === HOST_RECORD ? withoutIdentity(content.toString()) : content.toString(),
      ]),
      directories: byName(this.directories),
      links: byName(this.links),
      units: byName(this.units).map(([name, { enabled, started }]) => [name, enabled, started !== undefined]),
      running: exact ? byName(this.units).map(([name, { started, running }]) => [name, started === undefined ? undefined : running]) : [],
      users: byName(this.users),
      automatic: [...this.automatic].sort(),
      packages: byName(this.packages),
      images: byName(this.images),
      sysctls: byName(this.sysctls),
      modules: [...this.modules].sort(),
    };
  }

  /** Counts a command, and dies with the installer before or after it. */
  async #obey<T>(work: () => Promise<T>, cutShort: () => void = () => {}): Promise<T> {
    const { installer } = this.#options;
    if (installer.dead) throw new Error('the installer is dead');
    installer.commands += 1;
    const dying = installer.dead;
    if (dying && installer.death?.carriedOut !== true) {
      installer.onDeath();
      cutShort();
      throw new Error('the installer was killed');
    }
    const result = await work();
    if (dying) {
      installer.onDeath();
      throw new Error('the installer was killed');
    }
    return result;
  }

  #tick(): number {
    this.#time += 1;
    return this.#time;
  }

  async #answer(command: Command): Promise<Partial<CommandResult>> {
    const [program = '', ...words] = command.argv.filter((word) => word !== '--no-pager' && word !== '--');
    const own = this.programs.get(program) ?? this.programs.get(command.argv.join(' '));
    if (own !== undefined) return own(words, this, []);
    switch (program) {
      case 'timeout':
        return this.frozen ? { exitCode: 124 } : this.#answer({ ...command, argv: command.argv.slice(3) });
      case '/bin/sh':
        return command.input === FACTS_SCRIPT ? { stdout: this.#facts(words.slice(1)) } : this.#script(command);
      case 'systemctl':
        return this.#systemctl(words);
      case 'apt-get':
        return this.#apt(words);
      case '/usr/lib/apt/apt-helper':
        return this.#download(words);
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
      case 'getent':
        return {
          stdout: words
            .slice(1)
            .flatMap((name) => this.#passwdLine(name))
            .join(''),
        };
      case 'test':
        return { exitCode: this.files.has(words[1] ?? '') || this.directories.has(words[1] ?? '') ? 0 : 1 };
      case 'stat': {
        const file = this.files.get(words.at(-1) ?? '');
        return file === undefined ? { exitCode: 1, stderr: 'no such file\n' } : { stdout: String(file.content.length) };
      }
      case 'mv': {
        const [from = '', to = ''] = words.slice(-2);
        const file = this.files.get(from);
        if (file === undefined) return { exitCode: 1, stderr: 'no such file\n' };
        this.files.delete(from);
        this.write(to, file.content, file.mode, file.owner);
        return {};
      }
      case 'id':
        return { stdout: '0\n' };
      case 'date':
        return { stdout: `${this.#tick()}.000000000\n` };
      case 'rm':
        for (const path of words.filter((word) => !word.startsWith('-'))) this.#remove(path);
        return {};
      default:
        throw this.#unknown(command);
    }
  }

  #unknown({ argv }: Command): Error {
    return new Error(`the simulated machine "${this.name}" does not know: ${quoteCommand(argv)}`);
  }

  /** Removes a file, or a directory with all it holds. */
  #remove(path: string): void {
    if (path.startsWith(`${this.seedRoot}/`)) rmSync(path, { recursive: true, force: true });
    for (const file of [...this.files.keys()]) if (file === path || file.startsWith(`${path}/`)) this.files.delete(file);
    this.links.delete(path);
    for (const directory of [...this.directories.keys()])
      if (directory === path || directory.startsWith(`${path}/`)) this.directories.delete(directory);
  }

  #isEmpty(directory: string): boolean {
    return ![...this.files.keys(), ...this.links.keys(), ...this.directories.keys()].some((path) => path.startsWith(`${directory}/`));
  }

  #script(command: Command): Partial<CommandResult> | Promise<Partial<CommandResult>> {
    const [, , script = '', , ...parameters] = command.argv;
    const [path = '', ...rest] = parameters;
    const known: Readonly<Record<string, () => Partial<CommandResult> | Promise<Partial<CommandResult>>>> = {
      [INSPECT_SCRIPT]: () => ({ stdout: this.#inspect(parameters) }),
      [FILE_TIMES_SCRIPT]: () => ({ stdout: this.#fileTimes(parameters) }),
      [KEEP_SCRIPT]: () => this.#keep(path, rest),
      [RESTORE_SCRIPT]: () => this.#restore(path, rest),
      [REMOVE_EMPTY_SCRIPT]: () => {
        for (const directory of parameters) if (this.#isEmpty(directory)) this.directories.delete(directory);
        return {};
      },
      [RETIRE_SCRIPT]: () => this.#retire(rest.slice(1)),
      [UNIT_DIGESTS_SCRIPT]: () => ({ stdout: this.#unitDigests(rest.slice(1)) }),
      [RELEASE_SCRIPT]: () => this.#release(path),
      [EMPTY_PLACE_SCRIPT]: () => {
        this.#remove(path);
        this.#makeParents(path);
        this.directories.set(path, { mode: 0o700, owner: rest[0] ?? '' });
        return {};
      },
      [MOVE_FILE_SCRIPT]: () => this.#move(path, rest[0] ?? ''),
      [REMOVE_PLACES_SCRIPT]: () => {
        for (const place of parameters) this.#remove(place);
        for (const place of parameters) for (const above of [posix.dirname(place), DATA_PLACE]) this.#pruneEmpty(above);
        return {};
      },
      [DESCRIBE_FILE_SCRIPT]: () => {
        const file = this.files.get(path);
        return file === undefined ? {} : { stdout: `${file.content.length} ${hexOf(digestOf(file.content))}\n` };
      },
      [READ_CHUNK_SCRIPT]: () => {
        const [skip = 0, count = 0] = rest.map((word) => Number(word) * 2 ** 20);
        const content = this.files.get(path)?.content.subarray(skip, skip + count);
        return content === undefined ? { exitCode: 1, stderr: 'no such file\n' } : { stdout: content.toString('base64') };
      },
      [LOOK_AT_DATA_SCRIPT]: () => ({
        stdout: parameters
          .filter((directory) => !this.#isEmpty(directory))
          .map((directory) => `${directory}\0`)
          .join(''),
      }),
      [MAKE_ROOM_SCRIPT]: () => this.#makeRoom(path, rest),
      [GIVE_PLACE_SCRIPT]: () => {
        this.directories.set(path, { mode: 0o700, owner: rest[0] ?? '' });
        return {};
      },
      [DOCKER_IMAGES_SCRIPT]: () => ({
        stdout: parameters
          .flatMap((name) => (this.#dockerRuns() && this.images.has(name) ? [`${name}\t${this.images.get(name) ?? ''}\n`] : []))
          .join(''),
      }),
      [DOCKER_REMOVE_IMAGES_SCRIPT]: () => {
        const ids = parameters.flatMap((name) => this.images.get(name) ?? []);
        for (const [name, id] of [...this.images])
          if (parameters.includes(name) || (name.includes('@') && ids.includes(id))) this.images.delete(name);
        return {};
      },
      [DOCKER_REMOVE_CONTAINERS_SCRIPT]: () => ({}),
      [DOCKER_COPY_SCRIPT]: () => this.#copyOut(path, rest[0] ?? '', rest[1] ?? ''),
      [LOOK_LINKS_SCRIPT]: () => ({
        stdout: parameters
          .flatMap((name) => (this.links.has(name) || this.files.has(name) ? [`${this.links.get(name) ?? ''}\t${name}\0`] : []))
          .join(''),
      }),
      [MAKE_LINK_SCRIPT]: () => {
        const [at = ''] = rest;
        if (this.files.has(at)) return { exitCode: 1, stderr: `${at} exists and is no link\n` };
        this.links.set(at, path);
        return {};
      },
      [REMOVE_LINKS_SCRIPT]: () => {
        for (let index = 0; index < parameters.length; index += 2) {
          const at = parameters[index + 1] ?? '';
          if (this.links.get(at) === parameters[index]) this.links.delete(at);
        }
        return {};
      },
      [READ_KEYS_SCRIPT]: () => ({ stdout: this.text(this.#keysOf(path)) }),
      [WRITE_KEYS_SCRIPT]: () => {
        const file = this.#keysOf(path);
        if (rest[0] === '0') {
          this.files.delete(file);
          if (this.#isEmpty(posix.dirname(file))) this.directories.delete(posix.dirname(file));
          return {};
        }
        this.directories.set(posix.dirname(file), this.directories.get(posix.dirname(file)) ?? { mode: 0o700, owner: `${path}:${path}` });
        const { mode, owner } = this.files.get(file) ?? { mode: 0o600, owner: `${path}:${path}` };
        this.write(file, Buffer.from(command.input ?? ''), mode, owner);
        return {};
      },
      [PLACE_SCRIPT]: () => this.#place(path, rest),
      [SIMULATION_SCRIPT]: () => this.#simulateInstall(parameters.slice(3).join(' ').split(' ')),
      [MAKE_USER_SCRIPT]: () => this.#makeUser(path, rest),
      [REMOVE_USERS_SCRIPT]: () => {
        for (const name of parameters) this.users.delete(name);
        return {};
      },
      [LOOK_ROUTES_SCRIPT]: () => ({
        stdout: parameters.map((to, index) => (index % 2 > 0 ? '' : `${this.lostRoutes.has(to) ? 'no' : 'yes'}\n`)).join(''),
      }),
      [LOOK_SYSCTL_SCRIPT]: () => ({
        stdout: parameters
          .map((name) => `${name}\t${this.sysctls.get(name) ?? ''}\t${this.text(`/etc/sysctl.d/90-caisson-${name}.conf`)}\n`)
          .join(''),
      }),
      [SET_SYSCTL_SCRIPT]: () => this.#setSysctls(rest),
      [UNSET_SYSCTL_SCRIPT]: () => this.#unsetSysctls(rest),
      [LOOK_MODULES_SCRIPT]: () => ({
        stdout: parameters
          .map(
            (name) =>
              `${name} ${this.modules.has(name) ? 'yes' : 'no'} ${this.files.has(`/etc/modules-load.d/caisson-${name}.conf`) ? 'yes' : 'no'}\n`,
          )
          .join(''),
      }),
      [LOAD_MODULES_SCRIPT]: () => {
        for (const name of parameters) {
          this.modules.add(name);
          this.write(`/etc/modules-load.d/caisson-${name}.conf`, name, 0o644);
        }
        return {};
      },
      [UNLOAD_MODULES_SCRIPT]: () => {
        for (const word of parameters) {
          const name = word.replace(/^\+/, '');
          this.files.delete(`/etc/modules-load.d/caisson-${name}.conf`);
          if (name !== word) this.modules.delete(name);
        }
        return {};
      },
      [SYNCED_WRITES_SCRIPT]: () => ({ stdout: '100000000\n' }),
      [WAYS_SCRIPT]: () => ({ stdout: this.#ways(Buffer.from(command.input ?? '').toString()) }),
      [hostStateScript(HOST_TOOLS)]: () => ({ stdout: this.#hostState(parameters) }),
    };
    const answer = known[script];
    if (answer !== undefined) return answer();
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
    if (script.includes('chown -- "$2" "$1"; chmod -- "$3" "$1"') && script.includes('mkdir -p')) {
      this.#makeParents(path);
      this.directories.set(path, { owner: rest[0] ?? '', mode: Number.parseInt(rest[1] ?? '', 8) });
      return {};
    }
    if (script.includes('rm -f -- "$1"') && script.includes('mkdir -p')) {
      this.#makeParents(path);
      this.files.delete(path);
      return {};
    }
    throw this.#unknown(command);
  }

  #move(from: string, to: string): Partial<CommandResult> {
    const file = this.files.get(from);
    if (file === undefined) return {};
    this.files.delete(from);
    this.write(to, file.content, file.mode, file.owner);
    return {};
  }

  /** Moves directories aside that are not empty, and makes them anew. */
  #makeRoom(aside: string, words: readonly string[]): Partial<CommandResult> {
    for (let index = 0; index + 2 < words.length; index += 3) {
      const [path = '', mode = '', owner = ''] = words.slice(index);
      for (const [name, file] of [...this.files]) {
        if (!name.startsWith(`${path}/`)) continue;
        this.files.delete(name);
        this.write(`${path}${aside}${name.slice(path.length)}`, file.content, file.mode, file.owner);
      }
      this.directories.set(path, { mode: Number.parseInt(mode, 8), owner });
    }
    return {};
  }

  #copyOut(image: string, member: string, target: string): Partial<CommandResult> {
    const content = this.members.get(`${image} ${member}`);
    if (!this.#dockerRuns() || !this.images.has(image) || content === undefined) return { exitCode: 1, stderr: 'no such file\n' };
    this.write(target, content, 0o644);
    return {};
  }

  #place(path: string, [owner = '', mode = '', target = '']: readonly string[]): Partial<CommandResult> {
    const file = this.files.get(path);
    if (file === undefined) return { exitCode: 1, stderr: 'no such file\n' };
    this.files.delete(path);
    this.write(target, file.content, Number.parseInt(mode, 8), owner);
    return {};
  }

  #makeUser(name: string, [home = '', id = '']: readonly string[]): Partial<CommandResult> {
    const known = this.users.get(name);
    if (known !== undefined && id !== '' && known.id !== Number(id)) return { exitCode: 1, stderr: `user ${name} has another number\n` };
    this.users.set(name, { id: known?.id ?? (id === '' ? 990 : Number(id)), home });
    return {};
  }

  #passwdLine(name: string): string[] {
    const user = this.users.get(name);
    return user === undefined ? [] : [`${name}:x:${user.id}:${user.id}::${user.home}:/usr/sbin/nologin\n`];
  }

  #ways(input: string): string {
    const ways = input.split('\n').filter((line) => line !== '');
    return ways.map((way) => `${this.filtered.has(way) ? 'silent' : 'open'} ${way}\n`).join('');
  }

  #keep(store: string, paths: readonly string[]): Partial<CommandResult> {
    for (const path of paths) {
      const kept = `${store}${path}`;
      if (this.files.has(kept) || this.files.has(`${kept}.absent`)) continue;
      const file = this.files.get(path);
      if (file === undefined) this.write(`${kept}.absent`, '', 0o600);
      else this.write(kept, file.content, file.mode, file.owner);
    }
    return {};
  }

  #restore(store: string, paths: readonly string[]): Partial<CommandResult> {
    for (const path of paths) {
      const kept = this.files.get(`${store}${path}`);
      if (kept !== undefined) {
        this.files.delete(`${store}${path}`);
        this.write(path, kept.content, kept.mode, kept.owner);
      } else if (this.files.delete(`${store}${path}.absent`)) this.files.delete(path);
    }
    this.#pruneEmpty(store);
    return {};
  }

  /** Removes empty directories of a tree, the tree itself too. */
  #pruneEmpty(root: string): void {
    const below = [...this.directories.keys()].filter((path) => path === root || path.startsWith(`${root}/`));
    for (const directory of below.sort((left, right) => right.length - left.length)) {
      if (this.#isEmpty(directory)) this.directories.delete(directory);
    }
  }

  #release(record: string): Partial<CommandResult> {
    this.files.delete(record);
    for (const name of ['originals', 'replaced', 'reloaded', 'artifacts', 'data']) this.#remove(`/var/lib/caisson/${name}`);
    for (const path of ['/var/lib/caisson', '/etc/caisson']) this.#pruneEmpty(path);
    return {};
  }

  #setSysctls(words: readonly string[]): Partial<CommandResult> {
    for (let index = 0; index + 1 < words.length; index += 2) {
      const [name = '', value = ''] = words.slice(index);
      const kept = `/var/lib/caisson/originals/sysctl/${name}`;
      if (!this.files.has(kept)) this.write(kept, this.sysctls.get(name) ?? '', 0o600);
      this.write(`/etc/sysctl.d/90-caisson-${name}.conf`, value, 0o644);
      this.sysctls.set(name, value);
    }
    return {};
  }

  #unsetSysctls(names: readonly string[]): Partial<CommandResult> {
    for (const name of names) {
      this.files.delete(`/etc/sysctl.d/90-caisson-${name}.conf`);
      const kept = `/var/lib/caisson/originals/sysctl/${name}`;
      const file = this.files.get(kept);
      if (file !== undefined) this.sysctls.set(name, file.content.toString());
      this.files.delete(kept);
    }
    this.#pruneEmpty('/var/lib/caisson/originals');
    return {};
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
      const directory = this.directories.get(path);
      if (directory !== undefined) return [show(path, directory.mode, directory.owner, 'directory')];
      return found === undefined ? [] : [show(path, found.mode, found.owner, hexOf(digestOf(found.content)))];
    });
    return [...directories, ...files].join('');
  }

  /** The authorized_keys of a user. */
  #keysOf(user: string): string {
    return posix.join(user === 'root' ? '/root' : `/home/${user}`, '.ssh/authorized_keys');
  }

  text(path: string): string {
    return this.files.get(path)?.content.toString() ?? '';
  }

  #unitFile(name: string): string | undefined {
    return this.files.get(posix.join(UNITS, name))?.content.toString();
  }

  #unitOf(name: string): SimulatedUnit | undefined {
    return this.units.get(name.includes('.') ? name : `${name}.service`);
  }

  /** systemd reads an unknown unit when a command names it. */
  #loadUnit(name: string): SimulatedUnit | undefined {
    const text = this.#unitFile(name);
    if (text === undefined) return undefined;
    const unit = { enabled: false, started: undefined, loaded: text };
    this.units.set(name, unit);
    return unit;
  }

  #dockerRuns(): boolean {
    return this.#unitOf('docker')?.started !== undefined;
  }

  #fileTimes(paths: readonly string[]): string {
    const lines = paths.flatMap((path) => {
      const isReal = path.startsWith(`${this.seedRoot}/`) && existsSync(path);
      const changed = this.files.get(path)?.changed ?? (isReal ? 0 : undefined);
      return changed === undefined ? [] : [`changed ${changed} ${path}`];
    });
    return ['now 0', 'uptime 0', ...lines, ''].join('\0');
  }

  #showUnit(name: string): string {
    const unit = this.#unitOf(name);
    const text = this.#unitFile(name);
    if (unit === undefined && text === undefined) {
      return 'LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\nFragmentPath=\nNeedDaemonReload=no\n';
    }
    const started = (unit?.started ?? 0) * 1e6;
    return [
      'LoadState=loaded',
      `ActiveState=${unit?.started === undefined ? 'inactive' : 'active'}`,
      'SubState=running',
      `UnitFileState=${unit?.enabled === true ? 'enabled' : 'disabled'}`,
      `FragmentPath=${posix.join(UNITS, name)}`,
      `NeedDaemonReload=${text === undefined || text === unit?.loaded ? 'no' : 'yes'}`,
      `ActiveEnterTimestampMonotonic=${started}`,
      `StateChangeTimestampMonotonic=${Math.max(started, (unit?.reloaded ?? 0) * 1e6)}`,
      '',
    ].join('\n');
  }

  async #systemctl([verb, ...words]: readonly string[]): Promise<Partial<CommandResult>> {
    const names = words.filter((word) => !word.startsWith('-'));
    const [name = ''] = names;
    if (verb === 'show') return { stdout: names.map((one) => this.#showUnit(one)).join('\n') };
    if (verb === 'daemon-reload') {
      for (const path of this.files.keys()) {
        if (posix.dirname(path) !== UNITS) continue;
        const unit = posix.basename(path);
        const known = this.units.get(unit) ?? { enabled: false, started: undefined, loaded: '' };
        this.units.set(unit, { ...known, loaded: this.#unitFile(unit) ?? '' });
      }
      for (const [unit, { isPackaged }] of [...this.units]) {
        if (isPackaged !== true && this.#unitFile(unit) === undefined) this.units.delete(unit);
      }
      return {};
    }
    // Units of these machines do not fail, and one that is not loaded is an error to systemctl.
    if (verb === 'reset-failed') return { exitCode: names.every((one) => this.#unitOf(one) !== undefined) ? 0 : 1 };
    const unit = this.#unitOf(name) ?? this.#loadUnit(name);
    if (unit === undefined) return { exitCode: 5, stderr: `Unit ${name} not found.\n` };
    switch (verb) {
      case 'enable':
        unit.enabled = true;
        return {};
      case 'restart':
        await this.#restart(name, unit);
        return {};
      case 'stop':
        for (const one of names) this.#unitStarted(one, undefined);
        return {};
      case 'start':
        for (const one of names) this.#unitStarted(one, this.#unitOf(one)?.started ?? this.#tick());
        return {};
      case 'reload':
        unit.reloaded = this.#tick();
        return {};
      case 'disable':
        unit.enabled = false;
        unit.started = undefined;
        if (name === DEPOT_UNIT) await this.powerOff();
        return {};
      default:
        throw new Error(`the simulated systemctl does not know ${verb ?? ''}`);
    }
  }

  #unitStarted(name: string, started: number | undefined): void {
    const unit = this.#unitOf(name);
    if (unit === undefined) throw new Error(`systemd of "${this.name}" does not know ${name}`);
    unit.started = started;
    if (started !== undefined) unit.running = unit.loaded;
  }

  async #restart(name: string, unit: SimulatedUnit): Promise<void> {
    if (unit.started !== undefined) this.restarted.push(name);
    unit.started = this.#tick();
    unit.running = unit.loaded;
    for (const to of this.lostRoutes) if (unit.loaded.includes(`route replace ${to} via`)) this.lostRoutes.delete(to);
    if (name === DEPOT_UNIT) await this.#startDepot();
    // Containers end with their engine, and their units start them again.
    if (name !== 'docker.service') return;
    for (const [other, { started }] of this.units) {
      if (started === undefined || !(this.#unitFile(other) ?? '').includes('docker run')) continue;
      this.restarted.push(other);
      this.units.set(other, { enabled: true, started: this.#tick(), loaded: this.#unitFile(other) ?? '' });
    }
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

  #download(words: readonly string[]): Partial<CommandResult> {
    const [url = '', path = ''] = words.slice(words.indexOf('download-file') + 1);
    const content = url.includes('/files/caisson-linux-amd64') ? EXECUTABLE_BYTES : this.served.get(url);
    if (content === undefined) return { exitCode: 100, stderr: `E: not found ${url}\n` };
    const digest = words.find((word) => word.startsWith('SHA256:'))?.slice('SHA256:'.length);
    if (digest !== undefined && digest !== hexOf(digestOf(content))) return { exitCode: 100, stderr: 'E: Hash Sum mismatch\n' };
    this.write(path, content, 0o644);
    return {};
  }

  #apt(words: readonly string[]): Partial<CommandResult> {
    const [verb, ...names] = words.filter((word) => !word.startsWith('-'));
    if (verb === 'update') {
      const url = /https:\/\/(\S+) (\S+)/.exec(this.text('/etc/caisson/apt/sources.list'));
      if (url === null) return { exitCode: 100, stderr: 'E: no sources\n' };
      const list = `${(url[1] ?? '').replaceAll('/', '_')}_dists_${url[2] ?? ''}_InRelease`;
      this.write(posix.join('/var/lib/caisson/apt/lists', list), 'metadata', 0o644);
      return {};
    }
    if (verb === 'autoremove' || verb === 'remove' || verb === 'purge') {
      const going = this.#goingPackages(names, verb === 'autoremove' || words.includes('--auto-remove'));
      if (words.includes('--simulate')) return { stdout: going.map((name) => `Remv ${name} [1.0]\n`).join('') };
      for (const name of going) this.#removePackage(name);
      return {};
    }
    if (verb !== 'install') throw new Error(`the simulated apt-get does not know ${verb ?? ''}`);
    // Without names the command is --fix-broken, which repairs half-installed packages.
    if (names.length === 0) {
      this.halfInstalled = false;
      return {};
    }
    if (this.halfInstalled) return { exitCode: 100, stderr: 'E: Unmet dependencies. Try apt --fix-broken install\n' };
    if (words.includes('--simulate')) return { stdout: this.#comingPackages(names).join('') };
    for (const name of names) this.installPackage(name);
    return {};
  }

  /** Answers as apt-get does when it only simulates an install; `unfit` is the answer of a machine that cannot take the packages. */
  #simulateInstall(names: readonly string[]): Partial<CommandResult> {
    return { stdout: this.unfit ?? `@@ simulation\n${this.#comingPackages(names).join('')}@@ end\n` };
  }

  /** The lines of apt-get for packages that an install of these would bring. */
  #comingPackages(names: readonly string[]): readonly string[] {
    const coming = new Set<string>();
    const add = (name: string): void => {
      if (name === '' || this.packages.has(name) || coming.has(name)) return;
      for (const need of this.packageNeeds.get(name) ?? []) add(need);
      coming.add(name);
    };
    for (const name of names) add(name);
    return [...coming].map((name) => `Inst ${name} (${PACKAGES[name] ?? '1.0'} Caisson:bookworm [amd64])\n`);
  }

  /** Installs a package with its dependencies. */
  installPackage(name: string, isAutomatic = false): void {
    for (const need of this.packageNeeds.get(name) ?? []) if (!this.packages.has(need)) this.installPackage(need, true);
    this.packages.set(name, PACKAGES[name] ?? '1.0');
    if (isAutomatic) this.automatic.add(name);
    else this.automatic.delete(name);
    const unit = UNIT_OF_PACKAGE[name];
    if (unit === undefined) return;
    const known = this.units.get(unit);
    this.units.set(unit, known ?? { enabled: true, started: this.#tick(), loaded: '', isPackaged: true });
  }

  #removePackage(name: string): void {
    this.packages.delete(name);
    this.automatic.delete(name);
    const unit = UNIT_OF_PACKAGE[name];
    if (unit !== undefined) this.units.delete(unit);
  }

  /**
   * Packages that are removed with these: those that need them and, with `unneeded`, automatically installed ones that no
   * other package needs after that.
   */
  #goingPackages(names: readonly string[], unneeded: boolean): readonly string[] {
    const going = new Set(names.filter((name) => this.packages.has(name)));
    const grow = (isGoing: (name: string) => boolean): void => {
      for (let size = -1; size !== going.size;) {
        size = going.size;
        for (const name of this.packages.keys()) if (isGoing(name)) going.add(name);
      }
    };
    const needs = (name: string): readonly string[] => this.packageNeeds.get(name) ?? [];
    const stays = (): string[] => [...this.packages.keys()].filter((name) => !going.has(name));
    grow((name) => needs(name).some((need) => going.has(need)));
    if (unneeded) grow((name) => this.automatic.has(name) && !stays().some((other) => needs(other).includes(name)));
    return [...going];
  }

  #packageLine(name: string): string[] {
    const version = this.packages.get(name);
    const status = this.halfInstalled ? 'unpacked' : 'installed';
    return version === undefined ? [] : [`${status} ok\t${name}\t${version}\n`];
  }

  #docker([verb, ...words]: readonly string[]): Partial<CommandResult> {
    if (!this.#dockerRuns()) return { exitCode: 1, stderr: 'Cannot connect to the Docker daemon\n' };
    if (verb === 'pull') {
      const reference = words.at(-1) ?? '';
      const id = this.#options.imageIds.get(reference.slice(reference.indexOf('@') + 1));
      if (id === undefined) return { exitCode: 1, stderr: 'manifest unknown\n' };
      this.images.set(reference, id);
      return {};
    }
    if (verb === 'run') return this.#runOnce(words);
    if (verb !== 'tag') throw new Error(`the simulated docker does not know ${verb ?? ''}`);
    const [source = '', name = ''] = words;
    const id = this.images.get(source);
    if (id === undefined) return { exitCode: 1, stderr: 'No such image\n' };
    this.images.set(name, id);
    return {};
  }

  /** A file that cannot be parsed counts as it was read last, as for the agent. */
  #understood(path: string, text: string): ReturnType<typeof parseServiceFile> {
    try {
      this.#remembered.set(path, parseServiceFile(text, path));
    } catch (error) {
      if (!hasCode(error, 'INPUT_INVALID')) throw error;
    }
    return this.#remembered.get(path) ?? [];
  }

  /** Runs a container to its end. `programs` has the behaviour of its image. */
  #runOnce(words: readonly string[]): Partial<CommandResult> {
    const index = words.findIndex((word) => this.images.has(word));
    const program = this.programs.get(words[index] ?? '');
    if (program === undefined) return { exitCode: 125, stderr: 'Unable to find image locally\n' };
    return program(words.slice(index + 1), this, words.slice(0, index));
  }

  /** Services of the directory that the agent's configuration names. */
  #definitions() {
    const directory = /"definitions": "([^"]+)"/.exec(this.text(AGENT_CONFIG))?.[1] ?? this.#options.definitions;
    return [...this.files]
      .filter(([path]) => posix.dirname(path) === directory)
      .flatMap(([path, { content }]) => this.#understood(path, content.toString()));
  }

  /**
   * Acts as the agent does when it reads its definitions: makes units for the services in them, and removes the units of
   * others.
   */
  reloadAgent(): void {
    const wanted = new Map(
      this.#definitions()
        .filter(({ name, onlyHealthCheck }) => !onlyHealthCheck && !this.#held().has(name))
        .map(({ name, start }) => [`${name}.service`, `${UNIT_MARK}\n${start}\n`]),
    );
    const marked = [...this.files.keys()].filter((path) => posix.dirname(path) === UNITS && this.text(path).startsWith(UNIT_MARK));
    for (const unit of new Set([...marked.map((path) => posix.basename(path)), ...this.#written.keys()])) {
      if (wanted.has(unit)) continue;
      this.files.delete(posix.join(UNITS, unit));
      this.units.delete(unit);
      this.#written.delete(unit);
    }
    for (const [unit, text] of wanted) {
      this.#written.set(unit, digestOf(text));
      if (this.#unitFile(unit) === text && this.units.get(unit)?.started !== undefined) continue;
      if (this.units.get(unit)?.started !== undefined) this.restarted.push(unit);
      this.write(posix.join(UNITS, unit), text, 0o644);
      this.units.set(unit, { enabled: true, started: this.#tick(), loaded: text });
    }
  }

  #held(): ReadonlySet<string> {
    return parseHeld(this.text(posix.join(AGENT_STATE, HELD_FILE)));
  }

  /** Starts what is enabled, as a boot does; the agent then starts what it keeps. */
  reboot(): void {
    for (const unit of this.units.values()) unit.started = unit.enabled ? this.#tick() : undefined;
    if (this.#unitOf(AGENT_UNIT)?.started !== undefined) this.reloadAgent();
  }

  /** The digests of units that the agent remembers, and those of the files. */
  #unitDigests(services: readonly string[]): string {
    const remembered = [...this.#written].map(([unit, digest]) => `"${unit}": "${digest}"\n`);
    const present = services.map((name) => {
      const text = this.#unitFile(`${name}.service`);
      return text === undefined ? 'absent\n' : `${hexOf(digestOf(text))}  -\n`;
    });
    return [...remembered, '\n', ...present].join('');
  }

  #retire(services: readonly string[]): Partial<CommandResult> {
    if (this.files.has(EXECUTABLE) && this.#unitOf(AGENT_UNIT)?.started !== undefined) {
      this.reloadAgent();
      return {
        stdout: services
          .filter((name) => this.#unitFile(`${name}.service`) !== undefined)
          .map((name) => `${name}\n`)
          .join(''),
      };
    }
    for (const name of services) {
      this.files.delete(posix.join(UNITS, `${name}.service`));
      this.units.delete(`${name}.service`);
      this.#written.delete(`${name}.service`);
    }
    return {};
  }

  /** Names of services whose probes fail. */
  readonly sick = new Set<string>();

  /** The agent reads its definitions at each question; a service is healthy while its unit runs. */
  #caisson(words: readonly string[]): Partial<CommandResult> {
    if (!this.files.has(EXECUTABLE)) return { exitCode: 127, stderr: `${EXECUTABLE}: not found\n` };
    if (words[0] === 'verify') {
      const content = this.text(words.at(-1) ?? '');
      const digest = this.copies.get(content);
      if (digest === undefined) return { exitCode: 4, stderr: 'VERIFY_FAILED\n' };
      return { stdout: `${JSON.stringify({ type: 'result', bundleDigest: digest })}\n` };
    }
    if (this.#unitOf(AGENT_UNIT)?.started === undefined) return { exitCode: 6, stderr: 'Cannot ask the agent\n' };
    if (words.includes('reload')) {
      this.reloadAgent();
      return {};
    }
    const time = new Date(this.#tick() * 1000).toISOString();
    const components = this.#definitions().map(({ name, start, onlyHealthCheck }) => {
      const hasImage =
        onlyHealthCheck || !start.includes('docker run') || [...this.images.keys()].some((image) => start.includes(` ${image}`));
      const runs = onlyHealthCheck || this.#unitOf(name)?.started !== undefined;
      const well = hasImage && runs && !this.sick.has(name);
      if (this.#held().has(name)) return { name, state: 'stopped', since: time, seen: time, reason: 'held', errors: 0 };
      return { name, state: well ? 'healthy' : 'unhealthy', since: time, seen: time, reason: well ? '' : 'no image', errors: 0 };
    });
    const node = { name: this.name, address: this.address, uuid: 'u' };
    return { stdout: `${JSON.stringify({ type: 'result', node, roles: [], version: '0', time, components, problems: [] })}\n` };
  }

  #hostState([definitions = '', units = '', , agent = '', depot = '', , , command = '']: readonly string[]): string {
    const has = (path: string): boolean => this.files.has(path);
    const hosts = setBlock(this.text('/etc/hosts'), 'caisson', []);
    return [
      ...[agent, depot].filter((unit) => has(posix.join(units, unit))).map((unit) => `unit ${unit}`),
      ...(has(EXECUTABLE) ? ['executable'] : []),
      ...['/usr/local/bin', '/usr/bin'].flatMap((directory) => {
        const path = posix.join(directory, command);
        const isOurs = directory === posix.dirname(EXECUTABLE) && this.links.get(path) === EXECUTABLE;
        return command !== '' && !isOurs && (has(path) || this.links.has(path)) ? [`namesake ${path}`] : [];
      }),
      ...[...this.files.keys()].filter((path) => posix.dirname(path) === definitions).map((path) => `definition ${posix.basename(path)}`),
      ...hosts.split('\n').map((line) => `hosts ${line}`),
      ...(has(posix.join(units, agent)) ? [] : ['strangers']),
      '',
    ].join('\n');
  }

  #facts(paths: readonly string[]): string {
    const sections: Record<string, string> = {
      time: `${(this.clockMs / 1000).toFixed(0)}.0`,
      hostname: this.name,
      'os-release': 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
      kernel: '6.1.0-18-amd64',
      machine: 'x86_64',
      'dpkg-architecture': 'amd64',
      systemd: 'running',
      cpus: '8',
      meminfo: 'MemTotal: 16000000 kB\nSwapTotal: 0 kB',
      overcommit: '0',
      selinux: '',
      cgroup: '1',
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

function fill<T>(map: Map<string, T>, entries: readonly (readonly [string, T])[]): void {
  map.clear();
  for (const [name, value] of entries) map.set(name, value);
}

function byName<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}

/**
 * The record of a host without the id of its site and the digests, which differ at every site because secrets and
 * certificates do.
 */
function withoutIdentity(record: string): string {
  return record.replaceAll(/"(?:id|digest)": "[^"]*"|"authorities": \{[^}]*\}/g, '"": ""');
}

/** The same machine as another name and address of a cluster.yaml have it, as a real process knows the machine that it runs on. */
export function seenAs(machine: SimulatedMachine, { name, address = machine.address }: { name: string; address?: string }): Host {
  return {
    name,
    address,
    local: true,
    run: (command, options) => machine.run(command, options),
    upload: (source, path, options) => machine.upload(source, path, options),
    close: () => machine.close(),
  };
}
