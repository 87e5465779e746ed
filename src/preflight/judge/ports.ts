import { normalAddress, scopeFor, type Topology } from '../../cluster/index.ts';
import type { ListeningSocket } from '../../host/index.ts';
import { renderTemplate } from '../../manifests/index.ts';
import { AGENT_PORT } from '../../site/index.ts';
import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';

const DEPOT = 'the depot';

/** A port on which a component, the agent or the depot listens. */
interface OwnPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly by: string;
  /** The only address on which it listens; undefined when it may be any address. */
  readonly address: string | undefined;
  /** True when an earlier run installed the program that listens there. */
  readonly runs: boolean;
}

/**
 * Finds ports that another process has taken from programs of ours that are not installed on the host yet. A port of a component that
 * leaves the host is free by then.
 */
export function checkPorts(observed: ObservedHost, { topology, record }: HostsToCheck): readonly Finding[] {
  const leaving = leavingPorts(observed, topology);
  const begun = begunUnits(observed.node.name, topology, record);
  const wanted = ownPorts(observed, topology).filter(
    ({ runs, by, port, protocol }) => !runs && !begun.has(by) && !leaving.has(`${port}/${protocol}`),
  );
  return wanted.flatMap((own) => {
    const taken = observed.facts.sockets.find((socket) => isSamePort(socket, own));
    if (taken === undefined) return [];
    const owner = taken.processes.length === 0 ? 'a process that cannot be named' : taken.processes.map((name) => `"${name}"`).join(', ');
    return finding(
      `${own.protocol} port ${own.port}, which ${own.by} needs, is taken by ${owner} at ${taken.address}`,
      'Stop it, or have it listen on another port',
    );
  });
}

/** Finds ports on which two programs of ours would listen on the same host, such as the depot on the port of a gateway. */
export function checkPortClashes(observed: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const ports = ownPorts(observed, topology);
  return ports.flatMap((own, index) => {
    const other = ports.slice(0, index).find((earlier) => earlier.by !== own.by && doClash(earlier, own));
    if (other === undefined) return [];
    const remedy = own.by === DEPOT ? 'Choose another depot.port in cluster.yaml' : 'Give the roles that bring them to different hosts';
    return finding(`${own.by} and ${other.by} would both listen on ${own.protocol} port ${own.port}`, remedy);
  });
}

/** Returns the ports of all our programs on a host, the depot's last. */
function ownPorts({ node, state, isNode, isSeed }: ObservedHost, topology: Topology): readonly OwnPort[] {
  const ofComponents = topology.componentsOf(node.name).flatMap(({ name, ports }) =>
    ports.map(({ port, protocol, address }): OwnPort => {
      const scope = scopeFor(topology, node, { component: name });
      const only = address === undefined ? undefined : renderTemplate(address, scope, `ports of ${name}`);
      return { port, protocol, by: name, address: only, runs: state.components.has(name) };
    }),
  );
  const agent: OwnPort = { port: AGENT_PORT, protocol: 'tcp', by: 'the agent', address: node.address, runs: state.agent };
  const depot: OwnPort = { port: topology.spec.depot.port, protocol: 'tcp', by: DEPOT, address: undefined, runs: state.depot };
  return [...ofComponents, ...(isNode ? [agent] : []), ...(isSeed ? [depot] : [])];
}

/**
 * Components whose unit an earlier run claimed. A package starts its unit when it is installed, so the unit of a run that was killed may
 * listen before the component has its service definition.
 */
function begunUnits(host: string, topology: Topology, record: HostsToCheck['record']): ReadonlySet<string> {
  const owned = record?.hosts[host]?.owned ?? [];
  const claimed = new Set(owned.map(({ owner }) => owner));
  const withUnits = topology.componentsOf(host).filter(({ services }) => services.some(({ unit }) => unit !== undefined));
  return new Set(withUnits.flatMap(({ name }) => (claimed.has(name) ? [name] : [])));
}

/** Ports, as 2379/tcp, of components that are on a host and belong there no more. */
function leavingPorts({ node, state }: ObservedHost, topology: Topology): ReadonlySet<string> {
  const staying = new Set(topology.componentsOf(node.name).map(({ name }) => name));
  const left = [...state.components].filter((name) => !staying.has(name)).flatMap((name) => topology.manifests.components.get(name) ?? []);
  return new Set(left.flatMap(({ ports }) => ports.map(({ port, protocol }) => `${port}/${protocol}`)));
}

function doClash(left: OwnPort, right: OwnPort): boolean {
  if (left.port !== right.port || left.protocol !== right.protocol) return false;
  return left.address === undefined || right.address === undefined || normalAddress(left.address) === normalAddress(right.address);
}

/**
 * True when `socket` takes a port of ours: a socket on `::` takes it for every address, one on 0.0.0.0 for every IPv4
 * address, any other one for its own address. A port of ours on any address is taken by every socket.
 */
function isSamePort(socket: ListeningSocket, { port, protocol, address }: OwnPort): boolean {
  if (socket.port !== port || socket.protocol !== protocol) return false;
  if (address === undefined || socket.address === '::') return true;
  if (socket.address === '0.0.0.0') return !address.includes(':');
  return normalAddress(socket.address) === normalAddress(address);
}
