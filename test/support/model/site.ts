import { cpSync, rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBundle } from '../../../src/bundle/index.ts';
import { systemClock, type Event } from '../../../src/core/index.ts';
import type { Host } from '../../../src/host/index.ts';
import { seedLayout, stagedBundleName, type Machines, type SeedLayout } from '../../../src/site/index.ts';
import {
  backup,
  bringNodeUp,
  changeNode,
  initSite,
  install,
  moveComponent,
  renewCertificates,
  reset,
  restore,
  rollback,
  takeNodeDown,
  uncordonNode,
  upgrade,
  type Approve,
  type InitOptions,
  type NewSite,
  type OperationOptions,
} from '../../../src/usecases/index.ts';
import type { PlannedRun } from '../../../src/usecases/planned-run.ts';
import { freePort } from '../free-port.ts';
import { clusterYaml, writeSampleBundle } from '../sample-install.ts';
import { Installer, seenAs, SimulatedMachine } from '../simulated-machine.ts';
import type { Kill } from './edits.ts';
import type { Verb } from './verbs.ts';
import { IMAGES, MACHINES, manifestsOf, type Release, type Wish } from './wish.ts';

/** Time of the clock of the seed and of every machine. */
const NOW = Date.UTC(2026, 0, 1);

/** Bundles of releases. Each is written once. */
export class ReleaseBundles {
  /** Id of each image, by digest of its manifest. */
  readonly imageIds = new Map<string, string>();
  /** Digest of each bundle, by its name on the seed. */
  readonly digests = new Map<string, string>();
  /** Release of each bundle, by its digest. */
  readonly releases = new Map<string, Release>();
  readonly #directory: string;
  readonly #paths = new Map<string, Promise<string>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(release: Release): Promise<string> {
    const key = JSON.stringify(release);
    const path = this.#paths.get(key) ?? this.#write(release, this.#paths.size);
    this.#paths.set(key, path);
    return path;
  }

  async #write(release: Release, number: number): Promise<string> {
    const { version, otherImages } = release;
    const content = { manifests: manifestsOf(release), images: IMAGES, otherImages, version: `1.${version}` };
    const path = await writeSampleBundle(join(this.#directory, `release-${number}.tar`), content);
    const reader = await openBundle(path);
    for (const { platforms } of reader.manifest.images) {
      for (const { manifest, config } of platforms) this.imageIds.set(manifest.digest, config.digest);
    }
    this.digests.set(stagedBundleName(reader), reader.bundleDigest);
    this.releases.set(reader.bundleDigest, release);
    await reader.close();
    return path;
  }
}

/** Plan, events and error of one run. */
export interface ModelRun {
  /** Undefined for a run that was refused before it had a plan. */
  readonly planned: PlannedRun | undefined;
  readonly events: readonly Event[];
  readonly failure: unknown;
  readonly changed: number;
}

/** Simulated machines, and a directory for the files of the seed. */
export class ModelSite {
  machines: readonly SimulatedMachine[];
  readonly installer = new Installer();
  /** Machines on which data of the store began, in order. */
  readonly begun: string[] = [];
  /** Nodes that get no requests. */
  readonly cordoned = new Set<string>();
  readonly layout: SeedLayout;
  readonly #directory: string;
  readonly #bundles: ReleaseBundles;
  readonly #depotPort: number;
  readonly #seedRoot: string;

  private constructor(directory: string, bundles: ReleaseBundles, depotPort: number) {
    this.#directory = directory;
    this.#bundles = bundles;
    this.#depotPort = depotPort;
    this.#seedRoot = join(directory, 'seed');
    this.layout = seedLayout(this.#seedRoot);
    this.machines = MACHINES.map(({ name, address }) => this.#make(name, address));
  }

  static async open(bundles: ReleaseBundles): Promise<ModelSite> {
    const directory = await mkdtemp(join(tmpdir(), 'caisson-model-'));
    return new ModelSite(directory, bundles, await freePort());
  }

  async close(): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.powerOff()));
    await rm(this.#directory, { recursive: true, force: true });
  }

  #make(name: string, address: string): SimulatedMachine {
    const { installer } = this;
    const { imageIds, digests } = this.#bundles;
    const options = { imageIds, definitions: '/opt/sample/conf', seedRoot: this.#seedRoot, installer };
    const machine = new SimulatedMachine({ name, address, local: name === MACHINES[0]?.name, ...options });
    machine.bundleDigests = digests;
    machine.programs.set('ring', () => ({}));
    machine.programs.set('storectl', () => {
      this.begun.push(name);
      return {};
    });
    machine.programs.set('workctl', ([verb, node = '']) => {
      if (verb === 'cordon') this.cordoned.add(node);
      else this.cordoned.delete(node);
      return {};
    });
    machine.sysctls.set('net.core.somaxconn', '128');
    return machine;
  }

  machine(name: string): SimulatedMachine {
    const found = this.machines.find((machine) => machine.name === name);
    if (found === undefined) throw new Error(`there is no machine ${name}`);
    return found;
  }

  /**
   * Runs a command on the seed. `declared` is what cluster.yaml says before it, which stays as it is when it is undefined, and
   * `wish` has the bundle that is given to the command.
   */
  async run(verb: Verb, { declared, wish }: { readonly declared: Wish | undefined; readonly wish: Wish }, kill?: Kill): Promise<ModelRun> {
    if (declared !== undefined) await this.#declare(declared);
    const options = await this.#options(wish, this.#seedRoot, (name) => this.machine(name));
    const work = (): Promise<ModelRun> =>
      observe((emit, approve) =>
        verb.what === 'init' ? initSite({ ...options, emit }, this.#newSite(wish), approve) : carryOut(verb, { ...options, emit }, approve),
      );
    return kill === undefined ? work() : this.#killed(kill, work);
  }

  /** The site of a wish for one node, as an operator says it in flags. */
  #newSite({ nodes: [node] }: Wish): NewSite {
    if (node === undefined) throw new Error('a site begins with a node');
    return { node, depot: { port: this.#depotPort }, network: {}, typed: { options: [], values: [], flags: [] } };
  }

  /** Puts a bare machine with another address in the place of one. Returns a function that undoes this. */
  replaceMachine(name: string, address: string): () => void {
    const before = this.machines;
    this.machines = before.map((machine) => (machine.name === name ? this.#make(name, address) : machine));
    return () => {
      this.machines = before;
    };
  }

  /** Makes a backup, removes all files of the seed, and restores them from the backup. */
  async restoreSeed(wish: Wish): Promise<void> {
    await this.#declare(wish);
    const { clusterPath, machines, clock, signal } = await this.#options(wish, this.#seedRoot, (name) => this.machine(name));
    const file = join(this.#directory, 'seed.gpg');
    const passphrase = 'a passphrase of the operator';
    await rm(file, { force: true });
    const common = { clock, signal, ...(machines === undefined ? {} : { machines }) };
    await backup({ ...common, output: file, seal: { passphrase }, clusterPath, home: this.#directory });
    await rm(this.#seedRoot, { recursive: true });
    await restore({ ...common, file, opener: { passphrase } }, async () => true);
  }

  /** Runs an install on a machine that is not the seed. */
  async installFrom(seed: string, wish: Wish): Promise<ModelRun> {
    const reach = (name: string): Host => {
      const machine = this.machine(name);
      const { address } = machine;
      return {
        name,
        address,
        local: name === seed,
        run: (command, how) => machine.run(command, how),
        upload: (source, path, how) => machine.upload(source, path, how),
        close: () => machine.close(),
      };
    };
    await this.#declare(wish);
    const options = await this.#options(wish, join(this.#directory, `seed-${seed}`), reach);
    return observe((emit, approve) => install({ ...options, emit }, approve));
  }

  /** Runs `work` while `path` among the seed's files is moved away, then moves it back. */
  async without<T>(path: string, work: () => Promise<T>): Promise<T> {
    const aside = join(this.#directory, 'aside');
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside);
    await cp(path, join(aside, 'part'), { recursive: true, preserveTimestamps: true });
    await rm(path, { recursive: true });
    try {
      return await work();
    } finally {
      await rm(path, { recursive: true, force: true });
      await cp(join(aside, 'part'), path, { recursive: true, preserveTimestamps: true });
    }
  }

  /**
   * Runs work until the kill. Restores the seed's files to that moment, because the dead process still runs here and
   * may write.
   */
  async #killed(kill: Kill, work: () => Promise<ModelRun>): Promise<ModelRun> {
    const { installer } = this;
    const atDeath = join(this.#directory, 'at-death');
    let isDead = false;
    installer.commands = 0;
    installer.death = kill;
    installer.onDeath = () => {
      isDead = true;
      rmSync(atDeath, { recursive: true, force: true });
      cpSync(this.#seedRoot, atDeath, { recursive: true, preserveTimestamps: true });
    };
    await mkdir(this.#seedRoot, { recursive: true });
    const run = await work();
    installer.death = undefined;
    if (isDead) {
      await rm(this.#seedRoot, { recursive: true, force: true });
      await cp(atDeath, this.#seedRoot, { recursive: true, preserveTimestamps: true });
    }
    return run;
  }

  get #clusterPath(): string {
    return join(this.#directory, 'cluster.yaml');
  }

  async #declare({ name, nodes, podCIDR, variables, place }: Wish): Promise<void> {
    const more = [
      `depot: { port: ${this.#depotPort} }`,
      `network: { podCIDR: ${podCIDR} }`,
      `variables: ${JSON.stringify(variables)}`,
      ...(Object.keys(place).length === 0 ? [] : [`place: ${JSON.stringify(place)}`]),
    ];
    await writeFile(this.#clusterPath, clusterYaml(nodes, more).replace('name: sample', `name: ${name}`));
  }

  async #options(wish: Wish, seedRoot: string, reach: (name: string) => Host): Promise<Omit<InitOptions, 'emit'>> {
    const machines: Machines = {
      connect: async ({ name }) => reach(name),
      openSeed: (asked) => {
        const own = this.machines.find(({ local }) => local);
        if (own === undefined) throw new Error('no machine of the model is the seed');
        return own.name === asked.name ? own : seenAs(own, asked);
      },
      isOwnAddress: (address) => this.machines.some((machine) => machine.local && machine.address === address),
      hasAgentPorts: false,
      seedRoot,
    };
    return {
      bundlePaths: [await this.#bundles.pathOf(wish.release)],
      clusterPath: this.#clusterPath,
      connect: { home: this.#directory },
      clock: { ...systemClock, now: () => new Date(NOW) },
      signal: new AbortController().signal,
      machines,
    };
  }
}

function carryOut(
  verb: Exclude<Verb, { readonly what: 'init' }>,
  options: OperationOptions,
  approve: Approve,
): Promise<{ readonly changed: number }> {
  switch (verb.what) {
    case 'install':
      return install(options, approve);
    case 'upgrade':
      return upgrade(options, approve);
    case 'rollback':
      return rollback({ ...options, bundlePaths: undefined }, approve);
    case 'node':
      return changeNode({ ...options, purge: verb.purge === true }, verb.change, approve);
    case 'move':
      return moveComponent(options, verb.move, approve);
    case 'down':
      return takeNodeDown({ ...options, ...options.connect, ...verb }, async () => true);
    case 'up':
      return bringNodeUp({ ...options, ...options.connect, ...verb, bundlePaths: verb.isGiven === true ? options.bundlePaths : undefined });
    case 'uncordon':
      return uncordonNode({ ...options, ...options.connect, ...verb });
    case 'renew':
      return renewCertificates({ ...options, renew: verb.names }, approve);
    case 'reset':
      return reset({ ...options, purge: verb.purge }, approve);
  }
}

async function observe(work: (emit: (event: Event) => void, approve: Approve) => Promise<{ readonly changed: number }>): Promise<ModelRun> {
  const events: Event[] = [];
  let planned: PlannedRun | undefined;
  const approve = async (shown: PlannedRun): Promise<boolean> => {
    planned = shown;
    return true;
  };
  try {
    const { changed } = await work((event) => events.push(event), approve);
    return { planned, events, failure: undefined, changed };
  } catch (failure) {
    return { planned, events, failure, changed: 0 };
  }
}
