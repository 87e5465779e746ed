import { scopeFor, type NodeSpec, type Topology } from '../cluster/index.ts';
import { runChecked, type Host } from '../host/index.ts';
import { renderTemplate, type ComponentManifest } from '../manifests/index.ts';
import { AGENT_PORT } from '../site/index.ts';
import { isLoopback } from './loopback.ts';

/** Seconds that a connection has to be made or refused. */
export const WAY_SECONDS = 5;
/** Ways that one host tries at the same time. */
const WAYS_AT_ONCE = 32;
/** Of a component that runs on many hosts, each host that needs it tries this many. */
const HOSTS_PER_COMPONENT = 5;

/** A TCP port of another host that a host will connect to. */
export interface Way {
  /** Name of the other host. */
  readonly to: string;
  readonly address: string;
  readonly port: number;
  /** What listens there, or will. */
  readonly service: string;
}

export interface TriedWay extends Way {
  /**
   * `open`: a connection was made or refused by the other host, so packets pass both ways. `silent`: nothing came back.
   * `barred`: something on the way answered.
   */
  readonly outcome: 'open' | 'silent' | 'barred';
  /** What the system said of a barred way, such as "No route to host". */
  readonly reason: string;
}

export interface WayEnds {
  readonly topology: Topology;
  readonly seed: { readonly name: string; readonly address: string };
  /** Names of the hosts that are connected: a host that is down would look like a filter. */
  readonly connected: ReadonlySet<string>;
}

/**
 * The ways that a host needs: to the depot; from the seed to every agent; to the components that those on this host need
 * or list in their values. `installed` are components that run on it already: their health tells whether they get through.
 */
export function waysFrom(node: NodeSpec, installed: ReadonlySet<string>, ends: WayEnds): readonly Way[] {
  const { topology, seed, connected } = ends;
  const isSeed = node.name === seed.name;
  const others = topology.spec.nodes.filter(({ name }) => name !== node.name && connected.has(name));
  const depot: Way = { to: seed.name, address: seed.address, port: topology.spec.depot.port, service: 'the depot' };
  const agents = others.map(({ name, address }): Way => ({ to: name, address, port: AGENT_PORT, service: 'the agent' }));
  const components = topology
    .componentsOf(node.name)
    .filter(({ name }) => !installed.has(name))
    .flatMap((component) => neededHosts(component, node, topology))
    .filter(({ host }) => others.includes(host))
    .flatMap(({ component, host }) => waysTo(component, host, topology));
  return unique([...(isSeed ? agents : [depot]), ...components]);
}

/** Hosts of what a component needs or lists: a need is met on the same host where it runs there, else on the others. */
function neededHosts(
  component: ComponentManifest,
  node: NodeSpec,
  topology: Topology,
): readonly { readonly component: ComponentManifest; readonly host: NodeSpec }[] {
  const needs = component.needs.map((need) => need.component).filter((need) => !topology.hostsOf(need).includes(node));
  const listed = Object.values(component.values).map(({ each }) => each);
  return [...new Set([...needs, ...listed])].flatMap((name) => {
    const needed = topology.components.find((candidate) => candidate.name === name);
    if (needed === undefined) return [];
    const hosts = topology.hostsOf(name).filter((host) => host !== node);
    return hosts.slice(0, HOSTS_PER_COMPONENT).map((host) => ({ component: needed, host }));
  });
}

/** A UDP port gives no sign of life, and what listens on a loopback address is for its own host. */
function waysTo({ name, ports }: ComponentManifest, host: NodeSpec, topology: Topology): readonly Way[] {
  const scope = scopeFor(topology, host, { component: name });
  return ports
    .filter(({ protocol, address }) => protocol === 'tcp' && !(address !== undefined && isLoopback(renderTemplate(address, scope, name))))
    .map(({ port }) => ({ to: host.name, address: host.address, port, service: name }));
}

function unique(ways: readonly Way[]): readonly Way[] {
  return [...new Map(ways.map((way) => [endpoint(way), way])).values()];
}

function endpoint({ address, port }: Pick<Way, 'address' | 'port'>): string {
  return `${address} ${port}`;
}

/**
 * Standard input has a line `ADDRESS PORT` for each way, standard output a line `OUTCOME ADDRESS PORT REASON`. A refused
 * connection proves that packets pass both ways, so nothing needs to listen yet. bash opens the connections itself
 * (/dev/tcp). A host without bash or xargs prints nothing.
 */
export const WAYS_SCRIPT = `export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
command -v bash >/dev/null && command -v xargs >/dev/null || exit 0
xargs -n 2 -P "$1" bash -c '
  reason=$(timeout "$0" bash -c "exec 3<>/dev/tcp/\\$0/\\$1" "$1" "$2" 2>&1)
  status=$?
  reason=$(printf "%s\\n" "$reason" | sed -n "s/.*connect: //p" | head -n 1)
  case "$status $reason" in
    0*|*" Connection refused") echo "open $1 $2" ;;
    124*|*" Connection timed out") echo "silent $1 $2" ;;
    *) echo "barred $1 $2 $reason" ;;
  esac
' "$2"
exit 0
`;

/** Seconds within which so many ways are tried, whatever becomes of each. */
export function secondsFor(ways: readonly Way[]): number {
  return 20 + Math.ceil(ways.length / WAYS_AT_ONCE) * (WAY_SECONDS + 1);
}

/** Tries ways from a host. A way of which the host says nothing is left out. */
export async function tryWays(host: Host, ways: readonly Way[], signal: AbortSignal): Promise<readonly TriedWay[]> {
  if (ways.length === 0) return [];
  const input = ways.map((way) => `${endpoint(way)}\n`).join('');
  const argv = ['/bin/sh', '-c', WAYS_SCRIPT, 'sh', String(WAYS_AT_ONCE), String(WAY_SECONDS)];
  const { stdout } = await runChecked(host, { argv, input }, { signal });
  return parseWays(stdout, ways);
}

/** Reads what the script prints. */
export function parseWays(output: string, ways: readonly Way[]): readonly TriedWay[] {
  const byEndpoint = new Map(ways.map((way) => [endpoint(way), way]));
  return output.split('\n').flatMap((line): TriedWay[] => {
    const [, word, target = '', reason = ''] = /^(\w+) (\S+ \d+) ?(.*)$/.exec(line) ?? [];
    const outcome = (['open', 'silent', 'barred'] as const).find((known) => known === word);
    const way = byEndpoint.get(target);
    return outcome === undefined || way === undefined ? [] : [{ ...way, outcome, reason }];
  });
}
