import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureEngine, type Engine } from './engine.ts';
import { startLab, type Lab, type NodeRequest } from './hosts.ts';
import { buildImages, type LabImage } from './images/build-images.ts';
import { IMAGE_RECIPES, type ImageRecipe } from './images/recipes.ts';
import { ensureNodeImage } from './node-image.ts';
import { aptMirror, ensureTools, type AptMirror } from './prerequisites.ts';
import { run, type RunResult } from './run.ts';
import { repositoryRoot, runDirectory } from './state.ts';
import { startUpstream, type Upstream } from './upstream.ts';

/** Where the seed of the lab keeps what a field engineer would carry to it. */
export const CARRIED = '/root/carried';

export type Say = (line: string) => void;

/** The connected side: upstream registry with the lab's images, the machine's own Debian mirror, and a place to build in. */
export interface Connected {
  readonly engine: Engine;
  readonly images: readonly LabImage[];
  readonly upstream: Upstream;
  readonly directory: string;
  /** Host of the internet → base address of what stands in for it, as `--mirror HOST=URL` takes them. */
  readonly origins: Readonly<Record<string, string>>;
  /** Runs the built command as a user would. */
  caisson(words: readonly string[], options?: { readonly expect?: 'any' }): Promise<RunResult>;
  stop(): Promise<void>;
}

/**
 * Starts everything on the connected side. Installs Debian packages that are missing, builds images that are not cached. Without
 * Kubernetes nothing has to be built with Go, and bundles are without its images. `platform` has the images of another platform.
 */
export async function startConnected(
  say: Say,
  { kubernetes = true, platform }: { readonly kubernetes?: boolean; readonly platform?: readonly ImageRecipe[] } = {},
): Promise<Connected> {
  await ensureTools(say);
  const engine = await ensureEngine();
  const mirror = aptMirror();
  const recipes =
    platform ??
    (kubernetes ? IMAGE_RECIPES : IMAGE_RECIPES.filter(({ bare }) => bare !== true).map(({ programs: _, ...recipe }) => recipe));
  const images = await buildImages({ mirror, say, recipes });
  const upstream = await startUpstream();
  const directory = runDirectory('connected');
  const stop = async (): Promise<void> => {
    await upstream.stop();
    await rm(directory, { recursive: true, force: true });
    await engine.stop();
  };
  try {
    for (const image of images) await upstream.push(image.layout, image.reference);
    return {
      engine,
      images,
      upstream,
      directory,
      origins: {
        'docker.io': upstream.url,
        'ghcr.io': upstream.url,
        'registry.k8s.io': upstream.url,
        ...debianOrigins(mirror),
      },
      caisson: (words, options = {}) => run([process.execPath, builtCommand(), ...words], { ...options, timeout: 1_200_000 }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What stands in for the hosts of the Debian archive. */
export function debianOrigins(mirror: AptMirror): Readonly<Record<string, string>> {
  return {
    'ftp.debian.org': mirrorBase(mirror.main, '/debian'),
    'security-cdn.debian.org': mirrorBase(mirror.security, '/debian-security'),
  };
}

/** A mirror stands for a host: the address without the path that the manifests have too. */
function mirrorBase(url: string, path: string): string {
  return url.endsWith(path) ? url.slice(0, -path.length) : url;
}

/** The flags of a command that reaches the internet, for these origins. */
export function mirrorFlags(origins: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(origins).flatMap(([host, url]) => ['--mirror', `${host}=${url}`]);
}

export function builtCommand(): string {
  const path = join(repositoryRoot(), 'dist/main.js');
  if (!existsSync(path)) throw new Error('There is no dist/main.js; run: npm run build');
  return path;
}

export interface Bundle {
  readonly path: string;
  /** What build-bundle puts beside the bundle: it runs where nothing is installed yet. */
  readonly executable: string;
}

/** Builds the shipped cluster's bundle into a directory of the connected side. */
export async function buildLabBundle(
  connected: Connected,
  name = 'bundle',
  extra: readonly string[] = [],
  manifests = join(repositoryRoot(), 'manifests'),
  list?: string,
): Promise<Bundle> {
  const directory = join(connected.directory, name);
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'cluster.tar');
  const images = join(directory, 'images.txt');
  await writeFile(images, list ?? (await imagesToBuild(connected)));
  const inputs = ['--manifests', manifests, '--images', images, '--lock', join(directory, 'bundle.lock.json')];
  await connected.caisson(['build-bundle', ...inputs, '--output', path, ...mirrorFlags(connected.origins), ...extra]);
  return { path, executable: join(directory, 'caisson-linux-amd64') };
}

/** The lines of images.txt for the images that the connected side has. */
async function imagesToBuild({ images }: Connected): Promise<string> {
  const made = new Set(images.map(({ reference }) => reference));
  const lines = (await readFile(join(repositoryRoot(), 'images.txt'), 'utf8')).split('\n');
  return lines.filter((line) => made.has(line.split(' ', 1)[0] ?? '')).join('\n');
}

export interface LabCluster {
  readonly name: string;
  /** Tells the hosts of two labs with clusters of the same name apart. */
  readonly lab?: string;
  /** False for a cluster.yaml without a word about SSH: the only host is the seed. */
  readonly ssh?: boolean;
  /** Name of another platform than the shipped one in manifests/platforms. */
  readonly platform?: 'kubernetes';
  /** With the Kubernetes of the platform; without it by default. */
  readonly kubernetes?: boolean;
  /** Options of the platform, besides. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** More of cluster.yaml, for example a `network` section. */
  readonly yaml?: string;
  readonly nodes: readonly (NodeRequest & { readonly roles: readonly string[] })[];
  /** Name of a machine beside the cluster that is its seed. Default: the first node is the seed. */
  readonly seed?: string;
  /** Machines that are there, and of which cluster.yaml says nothing yet. */
  readonly spare?: readonly string[];
}

/** One host of each role, as in a small datacenter. */
export const THREE_ROLES: LabCluster = {
  name: 'lab',
  nodes: [
    { name: 'm1', roles: ['manage'] },
    { name: 'g1', roles: ['gateway'] },
    { name: 'c1', roles: ['compute'] },
  ],
};

/** Name of the lab of a cluster, which its containers and network carry. */
export function labName(cluster: LabCluster): string {
  return `caisson-${cluster.lab ?? cluster.name}`;
}

/** Boots bare hosts behind the air gap. */
export async function startHosts(connected: Connected, cluster: LabCluster, say: Say): Promise<Lab> {
  const image = await ensureNodeImage(connected.engine, aptMirror(), say);
  const beside = [...(cluster.seed === undefined ? [] : [cluster.seed]), ...(cluster.spare ?? [])].map((name) => ({ name }));
  return startLab({ name: labName(cluster), engine: connected.engine, image, nodes: [...cluster.nodes, ...beside] });
}

/** The cluster that the quickstart leaves to look around in. */
export const QUICKSTART: LabCluster = { ...THREE_ROLES, name: 'quickstart' };

/** The machine beside the cluster, or the first node. */
export function seedOf(cluster: LabCluster): string {
  if (cluster.seed !== undefined) return cluster.seed;
  const [seed] = cluster.nodes;
  if (seed === undefined) throw new Error('The cluster has no nodes');
  return seed.name;
}

export function clusterYaml(lab: Lab, cluster: LabCluster): string {
  const nodes = cluster.nodes.map(
    ({ name, roles }) => `  - { name: ${name}, address: ${lab.node(name).address}, roles: [${roles.join(', ')}] }`,
  );
  const ssh = 'ssh: { user: site, identityFile: ./identity, knownHosts: ./known_hosts, agent: false }\n';
  const without = cluster.kubernetes === true || cluster.platform !== undefined ? {} : { kubernetes: 'none' };
  const options = JSON.stringify({ ...without, ...cluster.options });
  const depot = cluster.seed === undefined ? '' : `depot: { address: ${lab.node(cluster.seed).address} }\n`;
  return `apiVersion: caisson/v1
kind: Cluster
name: ${cluster.name}
domain: apps.lab.example
options: ${options}
${cluster.ssh === false ? '' : ssh}${depot}${cluster.yaml ?? ''}nodes:
${nodes.join('\n')}
`;
}

/** What a field engineer carries to the seed: the bundle, the executable, cluster.yaml, the login key and the host keys. */
export async function carry(lab: Lab, cluster: LabCluster, bundle: Bundle, directory: string): Promise<void> {
  const seed = seedOf(cluster);
  const yaml = join(directory, `${labName(cluster)}.yaml`);
  await writeFile(yaml, clusterYaml(lab, cluster));
  await chmod(yaml, 0o644);
  await lab.copyTo(seed, bundle.path, `${CARRIED}/cluster.tar`);
  await lab.copyTo(seed, bundle.executable, `${CARRIED}/caisson`, 0o755);
  await lab.copyTo(seed, yaml, `${CARRIED}/cluster.yaml`);
  if (cluster.ssh === false) return;
  await lab.copyTo(seed, lab.identityFile, `${CARRIED}/identity`, 0o600);
  await lab.copyTo(seed, lab.knownHostsFile, `${CARRIED}/known_hosts`);
}

/** Runs the carried executable on the seed, as root. */
export function onSeed(
  lab: Lab,
  cluster: LabCluster,
  words: readonly string[],
  options: { readonly expect?: 'any' } = {},
): Promise<RunResult> {
  return lab.exec(seedOf(cluster), [`${CARRIED}/caisson`, ...words], { ...options, timeout: 1_200_000 });
}

/** The words of an install of what was carried. Without a question they need another that says what vouches for the bundle. */
export const INSTALL_CARRIED = ['install', '--offline', '--bundle', `${CARRIED}/cluster.tar`, '--cluster', `${CARRIED}/cluster.yaml`];

/** The same for the unsigned bundle of the lab. */
export const INSTALL = [...INSTALL_CARRIED, '--unsigned'];
