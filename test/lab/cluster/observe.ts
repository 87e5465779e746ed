import * as z from 'zod';
import type { BundleManifest } from '../../../src/bundle/index.ts';
import { eventually } from '../eventually.ts';
import { CARRIED } from '../scenario.ts';
import { parseLines } from './installer.ts';
import type { Site } from './site.ts';

/** A container as the engine of its host sees it. */
export interface RunningContainer {
  readonly name: string;
  /** What it was started as. */
  readonly image: string;
  /** Digest of the configuration of the image that it really runs. */
  readonly imageId: string;
  readonly startedAt: string;
  readonly pid: number;
}

/** The running containers of a node, by name. */
export async function containersOf(site: Site, node: string): Promise<readonly RunningContainer[]> {
  const format = '{{.Name}} {{.Config.Image}} {{.Image}} {{.State.StartedAt}} {{.State.Pid}}';
  const text = await site.bash(node, 'docker ps -q | xargs -r docker inspect --format "$1"', format);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', image = '', imageId = '', startedAt = '', pid = ''] = line.split(' ');
      return { name: name.replace('/', ''), image, imageId, startedAt, pid: Number(pid) };
    })
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Container name and image id of every image that the bundle promises for these containers. */
export function promised(manifest: BundleManifest, containers: readonly RunningContainer[]): readonly (readonly [string, string])[] {
  return containers.map(({ name, image }) => {
    const found = manifest.images.find((candidate) => candidate.name === image);
    return [name, found?.platforms[0]?.config.digest ?? `the bundle has no "${image}"`];
  });
}

const kept = z.object({
  restarts: z.number(),
  last: z.object({ at: z.string(), because: z.string() }).optional(),
  standing: z.string().optional(),
  waitsFor: z.array(z.string()).optional(),
});

const clusterReport = z.object({
  type: z.literal('result'),
  cluster: z.string(),
  healthy: z.boolean(),
  nodes: z.array(
    z.object({
      name: z.string(),
      roles: z.array(z.string()),
      status: z
        .object({ components: z.array(z.object({ name: z.string(), state: z.string(), since: z.string(), keep: kept.optional() })) })
        .optional(),
    }),
  ),
});

export interface ClusterReport {
  readonly status: number;
  readonly healthy: boolean;
  /** `NODE/COMPONENT` of all components that nodes report, by their state. */
  readonly components: Readonly<Record<string, string>>;
  /** `NODE/COMPONENT`, by what its agent does about it. */
  readonly kept: Readonly<Record<string, z.output<typeof kept> | undefined>>;
}

/** What `caisson cluster` on the seed says. */
export async function clusterState(site: Site): Promise<ClusterReport> {
  const ran = await site.try(site.seed, 'caisson --json cluster');
  const report = clusterReport.parse(parseLines(ran.stdout).find(({ type }) => type === 'result'));
  const components = report.nodes.flatMap(({ name: node, status }) =>
    (status?.components ?? []).map(({ name, state }) => [`${node}/${name}`, state] as const),
  );
  const keeps = report.nodes.flatMap(({ name: node, status }) =>
    (status?.components ?? []).map(({ name, keep }) => [`${node}/${name}`, keep] as const),
  );
  return { status: ran.status, healthy: report.healthy, components: Object.fromEntries(components), kept: Object.fromEntries(keeps) };
}

/** Waits until every component of every node is healthy. */
export async function untilHealthy(site: Site, milliseconds: number): Promise<void> {
  await eventually(milliseconds, async () => {
    const report = await clusterState(site);
    if (report.status !== 0) throw new Error(`The cluster is not healthy: ${JSON.stringify(report.components)}`);
  });
}

/** What changes on a running Debian by itself, and what the tests carry there. */
const OWN_LIFE = ['/run', '/var/log', '/var/lib/systemd', '/var/tmp', '/tmp', CARRIED];

/** Watches the file systems of every node: the returned function lists what was made, changed or removed in since then. */
export async function watchFiles(site: Site): Promise<(node: string, except?: readonly string[]) => Promise<readonly string[]>> {
  await Promise.all(site.nodes.map((node) => site.bash(node, 'sleep 0.05; touch /run/watched-since; sleep 0.05')));
  return async (node, except = []) => {
    const prune = [...OWN_LIFE, ...except].flatMap((path) => ['-path', path, '-prune', '-o']);
    const found = await site.bash(node, 'find / -xdev "$@" -cnewer /run/watched-since -print', ...prune);
    return found.split('\n').filter((path) => path !== '');
  };
}

/** Digests of the files of a folder, as sha256sum prints them. */
export function digestsOf(site: Site, node: string, folder: string): Promise<string> {
  return site.bash(node, 'find "$1" -type f -print0 | sort -z | xargs -0 sha256sum', folder);
}

/** When the services of a node were started, and its containers with them. */
export async function startTimes(site: Site, node: string): Promise<string> {
  const script = `
    systemctl show --property=Id,ActiveState,ActiveEnterTimestampMonotonic,MainPID,NRestarts docker caisson-agent caisson-depot sshd 'rbd-*' etcd
    docker ps -q | xargs -r docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}}' | sort`;
  return site.bash(node, script);
}

/** Asks an address of the node for a path over plain HTTP; resolves to the whole answer. */
export function httpGet(site: Site, node: string, address: string, path: string): Promise<string> {
  const [host = '', port = ''] = address.split(':');
  const script = `exec 3<>"/dev/tcp/$1/$2"; printf 'GET %s HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' "$3" "$1" >&3; timeout 10 cat <&3`;
  return site.bash(node, script, host, port, path);
}

/** Asks for a path over TLS, trusting the authority of a file and nothing else, for exactly this name. */
export async function httpsGet(site: Site, node: string, name: string, path: string, authority: string): Promise<string> {
  const script = `printf 'GET %s HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' "$2" "$1" |
    openssl s_client -quiet -no-CAfile -no-CApath -CAfile "$3" -verify_return_error -verify_hostname "$1" -servername "$1" -connect "$1:443" 2>&1`;
  const { stdout } = await site.try(node, script, { parameters: [name, path, authority] });
  return stdout;
}
