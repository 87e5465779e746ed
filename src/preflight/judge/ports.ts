import { normalAddress, scopeFor, type Topology } from '../../cluster/index.ts';
import type { ListeningSocket } from '../../host/index.ts';
import { renderTemplate } from '../../manifests/index.ts';
import { AGENT_PORT } from '../../site/index.ts';
import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';

const DEPOT = 'the depot';

/** A port that something of ours listens on. */
interface OwnPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly by: string;
  /** The only address that it listens on; undefined when it may be any. */
  readonly address: string | undefined;
  /** An earlier run started what listens there. */
  readonly runs: boolean;
}

/** Ports of what does not run here yet, on which somebody else listens. */
export function checkPorts(observed: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const wanted = ownPorts(observed, topology).filter(({ runs }) => !runs);
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

/** Ports that two of ours would listen on at the same host, such as a depot on the port of a gateway. */
export function checkPortClashes(observed: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const ports = ownPorts(observed, topology);
  return ports.flatMap((own, index) => {
    const other = ports.slice(0, index).find((earlier) => earlier.by !== own.by && doClash(earlier, own));
    if (other === undefined) return [];
    const remedy = own.by === DEPOT ? 'Choose another depot.port in cluster.yaml' : 'Give the roles that bring them to different hosts';
    return finding(`${own.by} and ${other.by} would both listen on ${own.protocol} port ${own.port}`, remedy);
  });
}

/** Every port that something of ours listens on at a host; that of the depot is last. */
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

function doClash(left: OwnPort, right: OwnPort): boolean {
  if (left.port !== right.port || left.protocol !== right.protocol) return false;
  return left.address === undefined || right.address === undefined || normalAddress(left.address) === normalAddress(right.address);
}

/** What listens on every address stands in the way of all; `::` is IPv4 as well. What is bound to one is in the way of that. */
function isSamePort(socket: ListeningSocket, { port, protocol, address }: OwnPort): boolean {
  if (socket.port !== port || socket.protocol !== protocol) return false;
  if (address === undefined || socket.address === '::') return true;
  if (socket.address === '0.0.0.0') return !address.includes(':');
  return normalAddress(socket.address) === normalAddress(address);
}
