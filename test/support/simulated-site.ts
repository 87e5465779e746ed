import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBundle } from '../../src/bundle/index.ts';
import { messageOf, silent, systemClock, type Event } from '../../src/core/index.ts';
import { stagedBundleName } from '../../src/site/index.ts';
import { install, type OperationOptions, type SiteSources } from '../../src/usecases/index.ts';
import type { Machines } from '../../src/site/index.ts';
import { freePort } from './free-port.ts';
import { clusterYaml, type SampleNode } from './sample-install.ts';
import { Installer, seenAs, SimulatedMachine } from './simulated-machine.ts';

/** Simulated machines of one cluster and a directory for the files of the seed. The first machine is the seed. */
export interface SimulatedSite {
  readonly installer: Installer;
  readonly machines: readonly SimulatedMachine[];
  readonly seedRoot: string;
  readonly options: OperationOptions & SiteSources;
  machine(name: string): SimulatedMachine;
  /** Puts a bare machine at another address in the place of one, which is reached no more. */
  replaceMachine(name: string, address: string): SimulatedMachine;
  /** Runs an install and appends its events to `events`. */
  install(changes?: Partial<OperationOptions>): Promise<{ readonly steps: number; readonly changed: number }>;
  /**
   * Moves the operator to another machine: what an installer does from now on, it does there, with the files of a seed below
   * `root`. Returns what changes in the options.
   */
  moveTo(name: string, root: string): Pick<OperationOptions, 'machines'> & { readonly machines: Machines };
  readonly events: readonly Event[];
  /**
   * Keeps the site as it is: its machines, and the directory with its files. Each call of the returned function makes it so
   * again.
   */
  keep(): Promise<() => Promise<void>>;
  end(): Promise<void>;
}

/** The time at the seed, and on every machine. */
const NOW = Date.UTC(2026, 0, 1);

const COPY = { recursive: true, preserveTimestamps: true } as const;

export interface SiteOptions {
  readonly directory: string;
  readonly bundle: string;
  readonly nodes: readonly SampleNode[];
  readonly definitions?: string;
  readonly more?: readonly string[];
  /** Address of a machine that runs the installer and is not a node. */
  readonly beside?: string;
  /** Names of machines that do not answer. */
  readonly unreachable?: readonly string[];
}

export async function simulatedSite(site: SiteOptions): Promise<SimulatedSite> {
  const { directory, nodes, definitions = '/opt/sample/conf', beside, unreachable = [] } = site;
  const reader = await openBundle(site.bundle);
  const platforms = reader.manifest.images.flatMap((image) => image.platforms);
  const imageIds = new Map(platforms.map(({ manifest, config }): [string, string] => [manifest.digest, config.digest]));
  const bundleDigests = new Map([[stagedBundleName(reader), reader.bundleDigest]]);
  await reader.close();
  const installer = new Installer();
  const seedRoot = join(directory, 'seed');
  const make = (name: string, address: string, local: boolean): SimulatedMachine => {
    const machine = new SimulatedMachine({ name, address, local, imageIds, definitions, seedRoot, installer });
    machine.bundleDigests = bundleDigests;
    return machine;
  };
  const machines = nodes.map(({ name, address }, index) => make(name, address, beside === undefined && index === 0));
  const depotPort = await freePort();
  const depot = [`depot: { port: ${depotPort}${beside === undefined ? '' : `, address: ${beside}`} }`];
  const clusterPath = join(directory, 'cluster.yaml');
  await writeFile(clusterPath, clusterYaml(nodes, [...depot, ...(site.more ?? [])]));
  const reach: Machines = {
    connect: async ({ name }) => {
      const machine = machines.find((candidate) => candidate.name === name);
      if (machine?.reachable !== true || unreachable.includes(name)) throw new Error(`"${name}" does not answer`);
      return machine;
    },
    openSeed: (asked) => {
      const { name, address = '' } = asked;
      const known = machines.find((candidate) => candidate.name === name);
      if (known !== undefined) return known;
      const own = machines.find(({ local }) => local);
      if (own !== undefined) return seenAs(own, asked);
      const seed = make(name, address, true);
      machines.push(seed);
      return seed;
    },
    isOwnAddress: (address) => machines.some((machine) => machine.local && machine.address === address),
    hasAgentPorts: false,
    seedRoot,
  };
  const events: Event[] = [];
  const options: OperationOptions & SiteSources = {
    bundlePaths: [site.bundle],
    clusterPath,
    connect: { home: directory },
    clock: { ...systemClock, now: () => new Date(NOW) },
    emit: silent,
    signal: new AbortController().signal,
    machines: reach,
  };
  return {
    installer,
    machines,
    seedRoot,
    options,
    events,
    machine: (name) => {
      const machine = machines.find((candidate) => candidate.name === name);
      if (machine === undefined) throw new Error(`there is no machine ${name}`);
      return machine;
    },
    replaceMachine: (name, address) => {
      const index = machines.findIndex((candidate) => candidate.name === name);
      const former = machines[index];
      if (former === undefined) throw new Error(`there is no machine ${name}`);
      const machine = make(name, address, false);
      machine.bundleDigests = former.bundleDigests;
      machines[index] = machine;
      return machine;
    },
    moveTo: (name, root) => {
      for (const machine of machines) {
        machine.local = machine.name === name;
        if (machine.local) machine.seedRoot = root;
      }
      return { machines: { ...reach, seedRoot: root } };
    },
    keep: async () => {
      const kept = `${directory}.kept`;
      await cp(directory, kept, COPY);
      const made = [...machines];
      const backs = made.map((machine) => machine.keep());
      return async () => {
        // Of machines that came since, none may keep the port of the depot.
        await Promise.all(machines.map((machine) => machine.powerOff()));
        machines.splice(0, machines.length, ...made);
        await rm(directory, { recursive: true, force: true });
        await cp(kept, directory, COPY);
        await Promise.all(backs.map((back) => back()));
      };
    },
    install: (changes = {}) => install({ ...options, emit: (event) => events.push(event), ...changes }, async () => true),
    end: async () => {
      await Promise.all(machines.map((machine) => machine.powerOff()));
    },
  };
}

/** Formats the result or the error of a promise. */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => messageOf(error),
  );
}
