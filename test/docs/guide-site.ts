import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect } from 'vitest';
import { fixedClock } from '../../src/core/index.ts';
import type { Machines } from '../../src/site/index.ts';
import { openBuildingSite, type BuildingSite } from '../e2e/building-site.ts';
import { keyPair, PASSPHRASE } from '../support/backup-site.ts';
import { NOON } from '../support/command-site.ts';
import { runCaisson, type Ended } from '../support/run-caisson.ts';
import { sampleImage, sampleLayer } from '../support/sample-image.ts';
import { EXECUTABLE_BYTES, writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import type { SimulatedMachine } from '../support/simulated-machine.ts';
import { servedBundle, serveBundles, type ServedBundle } from '../support/served-bundles.ts';
import { shippedPrograms } from '../support/shipped-programs.ts';
import { simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';
import { useSharedTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';
import { wordsOf } from './guide-commands.ts';
import { guideBundle, GuidePlatform } from './guide-platform.ts';

/** The nodes of the guide. The first is the seed. */
export const NODES = {
  m1: { name: 'm1', address: '10.0.0.11', roles: ['manage'] },
  g1: { name: 'g1', address: '10.0.0.12', roles: ['gateway'] },
  c1: { name: 'c1', address: '10.0.0.13', roles: ['compute'] },
  c2: { name: 'c2', address: '10.0.0.14', roles: ['compute'] },
} as const satisfies Readonly<Record<string, SampleNode>>;

/** A simulated site of the shipped platform, on which commands of the guide are run. */
export interface GuideSite {
  readonly directory: string;
  readonly site: SimulatedSite;
  readonly platform: GuidePlatform;
  /** Names of machines that do not answer. */
  readonly unreachable: string[];
  /** How machines are reached. A scenario may have others take their place. */
  machines: Machines;
  /** Path of a file of the operator. */
  readonly file: (name: string) => string;
  /** What stands for words of the guide at this site. */
  readonly names: Readonly<Record<string, string>>;
  readonly machine: (name: string) => SimulatedMachine;
  readonly cluster: () => Promise<string>;
  readonly editCluster: (edit: (text: string) => string) => Promise<void>;
  /** Runs a command of the guide at a terminal where every question is answered with yes. `names` stand for words of the guide. */
  readonly run: (
    command: string,
    options?: { readonly names?: Readonly<Record<string, string>>; readonly secret?: string },
  ) => Promise<Ended>;
}

export interface GuideSites {
  /** Makes a site of these nodes, of which those in `undeclared` are not in cluster.yaml. */
  readonly bare: (nodes: readonly SampleNode[], undeclared?: readonly string[]) => Promise<GuideSite>;
  /** Makes a site that is installed. */
  readonly installed: (nodes: readonly SampleNode[], undeclared?: readonly string[]) => Promise<GuideSite>;
  /** Makes a site with a lock, and the registry and package repository that the lock is of. Nothing is installed. */
  readonly online: () => Promise<GuideSite>;
}

/** `directory` returns the directory of a test. Sites end after their test. */
export function useGuideSites(directory: () => string): GuideSites {
  const shared = useSharedTempDir();
  const ending = useEnding<{ end(): Promise<void> }>();
  const bundles = { '5.1.11': '', '5.1.12': '' };
  const staged: ServedBundle[] = [];
  let images: readonly string[] = [];
  beforeAll(async () => {
    for (const version of ['5.1.11', '5.1.12'] as const) {
      const sample = await guideBundle(version);
      images = sample.images ?? [];
      bundles[version] = await writeSampleBundle(join(shared(), `rainbond-${version}-linux-amd64.tar`), sample);
      staged.push(await servedBundle(bundles[version]));
    }
  });
  const bare: GuideSites['bare'] = async (nodes, undeclared = []) => {
    const unreachable: string[] = [];
    const bundle = bundles['5.1.11'];
    const options = { directory: directory(), bundle, nodes, definitions: '/opt/rainbond/conf', unreachable };
    const site = await simulatedSite(options);
    ending(site);
    const platform = new GuidePlatform();
    const equip = await shippedPrograms();
    const made = guideSite(site, platform, { directory: directory(), unreachable, names: namesOf(directory(), bundles) });
    for (const machine of site.machines) {
      equip(machine);
      platform.equip(machine, images);
      serveBundles(machine, staged, await made.cluster());
    }
    await writeOperatorFiles(made);
    await made.editCluster((text) => undeclared.reduce((rest, name) => rest.replace(new RegExp(`^.*name: ${name}.*\n`, 'm'), ''), text));
    return made;
  };
  return {
    bare,
    online: async () => {
      const building = await openBuildingSite({ 'team/web': sampleImage([sampleLayer('layer')]) });
      ending({ end: () => building.close() });
      return onlineSite(building, ending);
    },
    installed: async (nodes, undeclared) => {
      const made = await bare(nodes, undeclared);
      await made.site.install();
      made.platform.password = await readFile(join(made.site.seedRoot, 'var/lib/caisson/secrets/db-root'), 'utf8');
      return made;
    },
  };
}

/** Builds a bundle with its lock, and makes a site of one node for it. */
async function onlineSite({ workshop, words }: BuildingSite, ending: (site: SimulatedSite) => unknown): Promise<GuideSite> {
  const { directory, write } = workshop;
  const file = (name: string): string => join(directory, name);
  await write('caisson-linux-amd64', EXECUTABLE_BYTES);
  expect(await runCaisson([...words, '--output', file('reference.tar')])).toMatchObject({ status: 0 });
  const node = { name: 'm1', address: '10.0.0.11', roles: ['node'] };
  const site = await simulatedSite({ directory, bundle: file('reference.tar'), nodes: [node], definitions: '/opt/demo/conf' });
  ending(site);
  const inputs = ['bundle.lock.json', 'manifests', 'images.txt', 'caisson-linux-amd64', 'cluster.yaml'];
  const names = { ...Object.fromEntries(inputs.map((name) => [name, file(name)])), FILE: file('reference.tar') };
  return guideSite(site, new GuidePlatform(), { directory, unreachable: [], names });
}

/** Names of files in the guide, and the files of a site that stand for them. */
function namesOf(directory: string, bundles: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const own = ['cluster.yaml', 'passphrase', 'operator.asc', 'PRIVATE.asc', 'seed.gpg', 'before-move.gpg'];
  return {
    ...Object.fromEntries(own.map((name) => [name, join(directory, name)])),
    '/mnt/usb': join(directory, 'usb'),
    BUNDLE: bundles['5.1.11'] ?? '',
    'rainbond-5.1.12-linux-amd64.tar': bundles['5.1.12'] ?? '',
  };
}

/** The keys of the operator, made once: it takes a while. */
let operator: ReturnType<typeof keyPair> | undefined;

async function writeOperatorFiles({ file }: GuideSite): Promise<void> {
  operator ??= keyPair();
  const { publicKey, privateKey } = await operator;
  await writeFile(file('passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
  await writeFile(file('operator.asc'), publicKey);
  await writeFile(file('PRIVATE.asc'), privateKey, { mode: 0o600 });
}

interface Place {
  readonly directory: string;
  readonly unreachable: string[];
  readonly names: Readonly<Record<string, string>>;
}

function guideSite(site: SimulatedSite, platform: GuidePlatform, { directory, unreachable, names }: Place): GuideSite {
  const { machines } = site.options;
  if (machines === undefined) throw new Error('the machines are not simulated');
  const cluster = (): Promise<string> => readFile(site.options.clusterPath, 'utf8');
  const made: GuideSite = {
    directory,
    site,
    platform,
    unreachable,
    machines,
    names,
    file: (name) => join(directory, name),
    machine: (name) => site.machine(name),
    cluster,
    editCluster: async (edit) => writeFile(site.options.clusterPath, edit(await cluster())),
    run: (command, { names: more = {}, secret } = {}) => {
      const [name = '', ...words] = wordsOf(command, { ...names, ...more });
      const terminal = { typed: 'y\n', ...(secret === undefined ? {} : { secret }) };
      return runCaisson(words, { name, machines: made.machines, clock: fixedClock(NOON), ...terminal });
    },
  };
  return made;
}
