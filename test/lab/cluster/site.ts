import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { BundleManifest } from '../../../src/bundle/index.ts';
import type { Lab } from '../hosts.ts';
import { run, type RunResult } from '../run.ts';
import {
  buildLabBundle,
  carry,
  CARRIED,
  onSeed,
  seedOf,
  startConnected,
  startHosts,
  type Bundle,
  type Connected,
  type LabCluster,
} from '../scenario.ts';

/** The connected side with its bundle: built once, carried to every cluster of the tests. */
export interface Side {
  readonly connected: Connected;
  readonly bundle: Bundle;
  readonly manifest: BundleManifest;
}

/** The tests ask for the side when they run; it is there once the hooks of the file have ended. */
export type GetSide = () => Side;

/** Builds the bundle and verifies it, as one does before it leaves. */
export async function prepareSide(connected: Connected): Promise<Side> {
  const bundle = await buildLabBundle(connected);
  await connected.caisson(['verify', bundle.path]);
  const { stdout } = await run(['tar', '--extract', '--to-stdout', '--file', bundle.path, 'bundle.json']);
  // What the build wrote into its own file; another test holds its format.
  return { connected, bundle, manifest: JSON.parse(stdout) as BundleManifest };
}

/** Prepares the side before the tests of a file, and takes it away after them. */
export function useSide(): GetSide {
  let connected: Connected | undefined;
  let side: Side | undefined;
  beforeAll(async () => {
    connected = await startConnected(() => {});
    side = await prepareSide(connected);
  });
  afterAll(async () => {
    await connected?.stop();
  });
  return () => {
    if (side === undefined) throw new Error('The connected side is not there');
    return side;
  };
}

/** Hosts behind the air gap, with the means of the tests to look into them. */
export interface Site {
  readonly lab: Lab;
  readonly cluster: LabCluster;
  readonly seed: string;
  readonly nodes: readonly string[];
  address(node: string): string;
  /** Runs a bash script as root on a node; a failure throws. Resolves to its standard output without the last newline. */
  bash(node: string, script: string, ...parameters: readonly string[]): Promise<string>;
  /** The same, with something to read, and with the status as part of the result. */
  try(node: string, script: string, options?: { readonly input?: string; readonly parameters?: readonly string[] }): Promise<RunResult>;
  /** Runs the carried executable on the seed, whatever its status. */
  caisson(...words: readonly string[]): Promise<RunResult>;
  stop(): Promise<void>;
}

/** Boots the hosts of a cluster and carries to the seed what an install needs. */
export async function openSite(side: Side, cluster: LabCluster): Promise<Site> {
  const lab = await startHosts(side.connected, cluster, () => {});
  const site = siteOf(lab, cluster);
  try {
    await carry(lab, cluster, side.bundle, side.connected.directory);
    return site;
  } catch (error) {
    await site.stop();
    throw error;
  }
}

function siteOf(lab: Lab, cluster: LabCluster): Site {
  const words = (script: string, parameters: readonly string[]): string[] => ['bash', '-c', script, 'bash', ...parameters];
  return {
    lab,
    cluster,
    seed: seedOf(cluster),
    nodes: cluster.nodes.map(({ name }) => name),
    address: (node) => lab.node(node).address,
    bash: async (node, script, ...parameters) => {
      const { stdout } = await lab.exec(node, words(`set -euo pipefail\n${script}`, parameters));
      return stdout.replace(/\n$/, '');
    },
    try: (node, script, { input, parameters = [] } = {}) =>
      lab.exec(node, words(script, parameters), { expect: 'any', ...(input === undefined ? {} : { input }) }),
    caisson: (...command) => onSeed(lab, cluster, command, { expect: 'any' }),
    stop: () => lab.stop(),
  };
}

/** The same hosts, with another machine as the seed and these nodes in the cluster. */
export function siteWith(site: Site, seed: string, nodes: readonly string[]): Site {
  return {
    ...site,
    seed,
    nodes,
    caisson: (...command) => site.lab.exec(seed, [`${CARRIED}/caisson`, ...command], { expect: 'any', timeout: 1_200_000 }),
  };
}

/** Runs an attempt on every node at once; resolves to the answers by node. */
export async function everywhere<T>(site: Pick<Site, 'nodes'>, look: (node: string) => Promise<T>): Promise<Readonly<Record<string, T>>> {
  return Object.fromEntries(await Promise.all(site.nodes.map(async (node) => [node, await look(node)] as const)));
}

/** Carries a file of the seed to the same path of another node, with the modes of a secret. */
export async function carryOver(site: Site, { connected }: Side, path: string, node: string): Promise<void> {
  const local = join(connected.directory, 'taken-out');
  await writeFile(local, Buffer.from(await site.bash(site.seed, 'base64 "$1"', path), 'base64'), { mode: 0o600 });
  await site.lab.copyTo(node, local, path, 0o600);
  await rm(local);
}

/** The lock that the build of the bundle wrote. */
export function frozenLock(side: Side): string {
  return join(side.connected.directory, 'bundle', 'bundle.lock.json');
}
