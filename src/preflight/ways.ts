import { scopeFor, type NodeSpec, type Topology } from '../cluster/index.ts';
import { runChecked, type Host } from '../host/index.ts';
import { renderTemplate, type ComponentManifest } from '../manifests/index.ts';
import { AGENT_PORT } from '../site/index.ts';
import { isLoopback } from './loopback.ts';

/** Seconds after which a connection that was neither made nor refused counts as silent. */
export const WAY_SECONDS = 5;
/** Most ways that one host tries at the same time. */
const WAYS_AT_ONCE = 32;
/** Most hosts of one needed component that a host tries to reach. */
const HOSTS_PER_COMPONENT = 5;

/** A TCP port of another host that a host will connect to. */
export interface Way {
  /** Name of the other host. */
  readonly to: string;
  readonly address: string;
  readonly port: number;
  /** Name of the program that listens there after the install. */
  readonly service: string;
}

export interface TriedWay extends Way {
  /**
   * `open`: the connection was made, or the other host refused it, so packets pass both ways. `silent`: no packet came
   * back. `barred`: a filter or router answered with an error.
   */
  readonly outcome: 'open' | 'silent' | 'barred';
  /** Error of the system for a barred way, such as "No route to host"; otherwise empty. */
  readonly reason: string;
}

export interface WayEnds {
  readonly topology: Topology;
  readonly seed: { readonly name: string; readonly address: string };
  /** Names of the connected hosts. Other hosts are not tried, because a host that is down would look like a filter. */
  readonly connected: ReadonlySet<string>;
}

/**
 * Returns the ways that a host needs: to the depot; from the seed to every agent; to the components that the components
 * on this host need or list in their values. Components in `installed` are left out: they run already, and their health
 * shows whether they reach the others.
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

/**
 * Returns the other hosts of the components that a component needs or lists. A needed component that also runs on this
 * host is used there and left out.
 */
function neededHosts(
  component: ComponentManifest,
  node: NodeSpec,
  topology: Topology,
): readonly { readonly component: ComponentManifest; readonly host: NodeSpec }[] {
  const needs = component.needs.map((need) => need.component).filter((need) => !topology.hostsOf(need).includes(node));
  const listed = Object.values(component.values).flatMap(({ each }) => each ?? []);
  return [...new Set([...needs, ...listed])].flatMap((name) => {
    const needed = topology.components.find((candidate) => candidate.name === name);
    if (needed === undefined) return [];
    const hosts = topology.hostsOf(name).filter((host) => host !== node);
    return hosts.slice(0, HOSTS_PER_COMPONENT).map((host) => ({ component: needed, host }));
  });
}

/**
 * Returns the ways to the TCP ports of a component. UDP ports are left out because they do not answer a connection
 * attempt, ports on loopback addresses because only their own host reaches them.
 */
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
 * Parameters: most ways at the same time, seconds for each. Standard input has a line `ADDRESS PORT` for each way,
 * standard output a line `OUTCOME ADDRESS PORT REASON`. A refused connection is `open`: it proves that packets pass both
 * ways, and the program there may not be installed yet. bash opens the connections (/dev/tcp). A host without bash or
 * xargs prints nothing.
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

/** Upper bound in seconds for trying `ways`: each try ends after WAY_SECONDS, and WAYS_AT_ONCE run in parallel. */
export function secondsFor(ways: readonly Way[]): number {
  return 20 + Math.ceil(ways.length / WAYS_AT_ONCE) * (WAY_SECONDS + 1);
}

/** Tries ways from a host. A way without a line in the output of the host is left out. */
export async function tryWays(host: Host, ways: readonly Way[], signal: AbortSignal): Promise<readonly TriedWay[]> {
  if (ways.length === 0) return [];
  const input = ways.map((way) => `${endpoint(way)}\n`).join('');
  const argv = ['/bin/sh', '-c', WAYS_SCRIPT, 'sh', String(WAYS_AT_ONCE), String(WAY_SECONDS)];
  const { stdout } = await runChecked(host, { argv, input }, { signal });
  return parseWays(stdout, ways);
}

/** Parses the output of WAYS_SCRIPT. Unknown lines are skipped. */
export function parseWays(output: string, ways: readonly Way[]): readonly TriedWay[] {
  const byEndpoint = new Map(ways.map((way) => [endpoint(way), way]));
  return output.split('\n').flatMap((line): TriedWay[] => {
    const [, word, target = '', reason = ''] = /^(\w+) (\S+ \d+) ?(.*)$/.exec(line) ?? [];
    const outcome = (['open', 'silent', 'barred'] as const).find((known) => known === word);
    const way = byEndpoint.get(target);
    return outcome === undefined || way === undefined ? [] : [{ ...way, outcome, reason }];
  });
}
