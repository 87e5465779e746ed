import { readFile, writeFile } from 'node:fs/promises';
import { closeBundles, openBundles } from '../../src/bundle/index.ts';
import { messageOf, type Clock, type Event } from '../../src/core/index.ts';
import { openFileStore, seedLayout, stagedBundleName, type SiteRecord } from '../../src/site/index.ts';
import type { OperationOptions } from '../../src/usecases/index.ts';
import { clusterYaml, MANIFESTS, type SampleNode } from './sample-install.ts';
import type { SimulatedMachine } from './simulated-machine.ts';
import { simulatedSite, type SimulatedSite } from './simulated-site.ts';

/** Choices in which two versions of the manifests can differ. */
export interface HardChoices {
  readonly database?: string;
  readonly worker?: string;
  readonly logDriver?: string;
  /** Effect of a change of daemon.json. */
  readonly onDaemon?: 'restart' | 'reload';
  readonly storeSettings?: string;
  readonly storeNotes?: string;
  /** Number of stores that must be healthy for the component that uses the store. */
  readonly enough?: 'any' | 'quorum';
}

export const HARD_IMAGES = ['store:1', 'reader:1', 'control:1', 'worker:1', 'worker:2', 'db:1', 'db:2', 'app:1'].map(
  (name) => `registry.example/${name}`,
);

/** Actions, as lines of a component manifest, by which hosts that run `component` keep new work away from a node. */
export function cordonActions(component: string): string {
  return `  - name: cordon
    summary: keep new work away
    at: cordon
    on: { component: ${component} }
    command: [workctl, cordon, "\${node.name}"]
    done: [workctl, cordoned, "\${node.name}"]
  - { name: uncordon, summary: let new work come, at: uncordon, on: { component: ${component} }, command: [workctl, uncordon, "\${node.name}"] }
`;
}

/**
 * Manifests of a platform with a quorum store, a worker that is drained before a stop, and a database with a migration.
 */
export function hardManifests(choices: HardChoices = {}): Readonly<Record<string, string>> {
  const { database = '1', worker = '1', logDriver = 'json-file', onDaemon = 'restart', enough = 'any' } = choices;
  return {
    'platform.yaml': `apiVersion: caisson/v1
kind: Platform
name: sample
version: "1"
variables: { root: /opt/sample }
definitionsDirectory: "\${var.root}/conf"
`,
    ...Object.fromEntries(
      Object.entries({ store: 'store', read: 'reader', control: 'control', work: 'worker', data: 'db', front: 'app' }).map(
        ([role, component]) => [
          `roles/${role}.yaml`,
          `apiVersion: caisson/v1
kind: Role
name: ${role}
summary: Has the ${component}
components: [docker, ${component}]
requires: { cpus: 1, memory: 1GB, disk: 10GB }
`,
        ],
      ),
    ),
    'os/debian-12.yaml': MANIFESTS['os/debian-12.yaml'] ?? '',
    'os/keys/debian.gpg': 'key',
    'components/docker/component.yaml': `apiVersion: caisson/v1
kind: Component
name: docker
summary: The engine
packageSets: [docker, tools]
files: [{ path: /etc/docker/daemon.json, template: daemon.json, onChange: ${onDaemon} }]
services:
  - { name: docker, unit: docker, health: { model: cmd, address: docker info } }
`,
    'components/docker/daemon.json': `{ "log-driver": "${logDriver}" }\n`,
    'components/store/component.yaml': `apiVersion: caisson/v1
kind: Component
name: store
summary: Keeps state by vote
placement: quorum
needs: [docker]
values:
  members: { each: store, as: "\${each.name}=https://\${each.urlAddress}:2380", keep: true }
actions:
  - name: join
    summary: add the member
    at: join
    on: { component: store }
    command: [storectl, add, "\${node.name}"]
    done: [storectl, has, "\${node.name}"]
  - name: leave
    summary: remove the member
    at: leave
    on: { component: store }
    command: [storectl, remove, "\${node.name}"]
    done: [storectl, lacks, "\${node.name}"]
directories: [{ path: "\${var.root}/store", mode: "0700" }]
files:
  - { path: "\${var.root}/store.conf", template: store.conf, onChange: reload }
  - { path: "\${var.root}/store.notes", template: store.notes, onChange: nothing }
services:
  - name: store
    container:
      image: registry.example/store:1
      mounts: ["\${var.root}/store:/data"]
      environment: { MEMBERS: "\${value.members}", ORIGIN: "\${component.origin}" }
    reload: { command: [storectl, reload] }
    health: { model: tcp, address: "127.0.0.1:2379" }
`,
    'components/store/store.conf': `settings=${choices.storeSettings ?? 'first'}\n`,
    'components/store/store.notes': `${choices.storeNotes ?? 'first'}\n`,
    'components/reader/component.yaml': `apiVersion: caisson/v1
kind: Component
name: reader
summary: Reads the store
needs: [docker, { component: store, hosts: ${enough} }]
services:
  - name: reader
    container: { image: registry.example/reader:1 }
    health: { model: tcp, address: "127.0.0.1:8000" }
`,
    'components/control/component.yaml': `apiVersion: caisson/v1
kind: Component
name: control
summary: Gives work to workers
needs: [docker]
services:
  - name: control
    container: { image: registry.example/control:1 }
    health: { model: tcp, address: "127.0.0.1:6443" }
`,
    'components/worker/component.yaml': `apiVersion: caisson/v1
kind: Component
name: worker
summary: Does the work
needs: [docker, { component: control, hosts: any }]
actions:
  - { name: drain, summary: take its work away, at: before-stop, on: { component: control }, command: [workctl, drain, "\${node.name}"] }
  - { name: undrain, summary: give it work, at: after-healthy, on: { component: control }, command: [workctl, undrain, "\${node.name}"] }
${cordonActions('control')}services:
  - name: worker
    container: { image: "registry.example/worker:${worker}" }
    health: { model: tcp, address: "127.0.0.1:10250" }
`,
    'components/db/component.yaml': `apiVersion: caisson/v1
kind: Component
name: db
summary: Keeps tables
placement: one
needs: [docker]
directories: [{ path: "\${var.root}/db", mode: "0700" }]
actions:
  - name: init
    summary: make the first tables
    at: once
    each: cluster
    command: [dbctl, init]
    done: [dbctl, initialised]
  - name: migrate
    summary: bring the tables to the new version
    at: before-upgrade
    each: cluster
    container: { image: "registry.example/db:${database}", arguments: [migrate], mounts: ["\${var.root}/db:/data"] }
services:
  - name: db
    container: { image: "registry.example/db:${database}", mounts: ["\${var.root}/db:/data"] }
    health: { model: tcp, address: "127.0.0.1:5432" }
`,
    'components/app/component.yaml': `apiVersion: caisson/v1
kind: Component
name: app
summary: Uses the tables
needs: [docker, db]
files: [{ path: "\${var.root}/app.conf", template: app.conf }]
services:
  - name: app
    container: { image: registry.example/app:1 }
    health: { model: tcp, address: "127.0.0.1:8080" }
`,
    'components/app/app.conf': `tables=${database}\n`,
  };
}

/** Runs the platform's own commands on simulated machines and stores their effects. */
export class SimulatedPlatform {
  /** Members of the store, in the order in which they were added. */
  readonly members = new Set<string>();
  readonly drained = new Set<string>();
  /** Workers that get no new work. One that is undrained gets some again. */
  readonly cordoned = new Set<string>();
  failsCordon = false;
  initialised = 0;
  /** Versions to which the tables were migrated. */
  readonly migrations: string[] = [];
  failsMigration = false;
  /** Commands of the platform and ids of steps that ended, in order. */
  readonly log: string[] = [];

  /** Keeps what the platform knows. The returned function makes it so again. */
  keep(): () => void {
    const { failsCordon, initialised, failsMigration } = this;
    const lists = [this.members, this.drained, this.cordoned].map((set): readonly [Set<string>, readonly string[]] => [set, [...set]]);
    const migrations = [...this.migrations];
    return () => {
      Object.assign(this, { failsCordon, initialised, failsMigration });
      for (const [set, members] of lists) {
        set.clear();
        for (const member of members) set.add(member);
      }
      this.migrations.splice(0, Infinity, ...migrations);
      this.log.splice(0);
    };
  }

  /** Adds the platform's commands to a machine. */
  equip(machine: SimulatedMachine): void {
    const told = (program: string, answer: (words: readonly string[]) => boolean): void => {
      machine.programs.set(program, (words) => {
        this.log.push([`${machine.name}:`, program, ...words].join(' '));
        return answer(words) ? {} : { exitCode: 1, stderr: `${program} ${words.join(' ')}: refused\n` };
      });
    };
    told('storectl', (words) => this.#storectl(words));
    told('workctl', (words) => this.#workctl(words));
    told('dbctl', ([verb = '']) => {
      if (verb === 'initialised') return this.initialised > 0;
      this.initialised += 1;
      return true;
    });
    for (const version of ['1', '2']) {
      told(`registry.example/db:${version}`, () => {
        if (!this.failsMigration) this.migrations.push(version);
        return !this.failsMigration;
      });
    }
  }

  #workctl([verb = '', name = '']: readonly string[]): boolean {
    if (verb === 'cordoned') return this.cordoned.has(name);
    if (verb === 'cordon') return !this.failsCordon && this.cordoned.add(name).has(name);
    if (verb === 'drain') return this.drained.add(name).has(name);
    if (verb === 'undrain') this.drained.delete(name);
    this.cordoned.delete(name);
    return true;
  }

  #storectl([verb = '', name = '']: readonly string[]): boolean {
    if (verb === 'has') return this.members.has(name);
    if (verb === 'lacks') return !this.members.has(name);
    if (verb === 'remove') return this.members.delete(name);
    if (verb === 'reload') return true;
    if (this.members.has(name)) return false;
    return this.members.add(name).has(name);
  }

  /** Returns the entries of `log` since the last call. */
  takeLog(): readonly string[] {
    return this.log.splice(0);
  }
}

/** A simulated site of the hard cases, whose cluster and bundle can change. */
export interface HardSite extends SimulatedSite {
  readonly platform: SimulatedPlatform;
  /** Names of machines that do not answer. */
  readonly unreachable: string[];
  declare(nodes: readonly SampleNode[]): Promise<void>;
  /** Later runs install from this bundle. */
  take(bundle: string): Promise<void>;
  run(changes?: Partial<OperationOptions>): Promise<{ readonly steps: number; readonly changed: number }>;
  record(): Promise<SiteRecord>;
  /** Text of a component's definition by host; undefined for a host without one. */
  definitions(component: string): Readonly<Record<string, string | undefined>>;
  /** Services that were restarted on a host, since the last call. */
  takeRestarts(): readonly string[];
}

export async function hardSite(directory: string, bundle: string, nodes: readonly SampleNode[]): Promise<HardSite> {
  const unreachable: string[] = [];
  const site = await simulatedSite({ directory, bundle, nodes, unreachable });
  const platform = new SimulatedPlatform();
  for (const machine of site.machines) platform.equip(machine);
  let bundlePaths = [bundle];
  const emit = (event: Event): void => {
    if (event.type === 'step.finished' && event.outcome !== 'failed') platform.log.push(event.step);
  };
  return {
    ...site,
    platform,
    unreachable,
    keep: async () => {
      const [back, forget, silent, paths] = [await site.keep(), platform.keep(), [...unreachable], bundlePaths];
      return async () => {
        await back();
        forget();
        unreachable.splice(0, Infinity, ...silent);
        bundlePaths = paths;
      };
    },
    replaceMachine: (name, address) => {
      const machine = site.replaceMachine(name, address);
      platform.equip(machine);
      return machine;
    },
    declare: async (declared) => {
      const [depot = ''] = /^depot:.*$/m.exec(await readFile(site.options.clusterPath, 'utf8')) ?? [];
      await writeFile(site.options.clusterPath, clusterYaml(declared, [depot]));
    },
    take: async (path) => {
      const readers = await openBundles([path]);
      const known = readers.map((reader): [string, string] => [stagedBundleName(reader), reader.bundleDigest]);
      await closeBundles(readers);
      for (const machine of site.machines) machine.bundleDigests = new Map([...machine.bundleDigests, ...known]);
      bundlePaths = [path];
    },
    run: (changes = {}) => {
      const both = (event: Event): void => {
        emit(event);
        changes.emit?.(event);
      };
      return site.install({ bundlePaths, ...changes, emit: both });
    },
    record: async () => {
      const record = await openFileStore(seedLayout(site.seedRoot).record).read();
      if (record === undefined) throw new Error('there is no record');
      return record;
    },
    definitions: (component) =>
      Object.fromEntries(
        site.machines.map(({ name, files }) => [name, files.get(`/opt/sample/conf/${component}.yaml`)?.content.toString()]),
      ),
    takeRestarts: () => site.machines.flatMap(({ name, restarted }) => restarted.splice(0).map((unit) => `${name} ${unit}`)),
  };
}

/** A clock with which every wait reaches its time limit at the second look. */
export function impatientClock(): Clock {
  let time = 0;
  return {
    now: () => new Date(Date.UTC(2026, 0, 1)),
    monotonic: () => {
      time += 100_000;
      return time;
    },
  };
}

/** Returns the error of work that fails and its message with code and exit status. */
export async function failureOf(work: Promise<unknown>): Promise<{ readonly message: string; readonly error: unknown }> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) throw new Error('it went well');
  return { message: messageOf(error), error };
}
