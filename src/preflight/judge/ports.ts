import { normalAddress, scopeFor, type Topology } from '../../cluster/index.ts';
import type { ListeningSocket } from '../../host/index.ts';
import { renderTemplate } from '../../manifests/index.ts';
import { AGENT_PORT } from '../../site/index.ts';
import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';

/** A port that something of ours listens on. */
interface WantedPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly by: string;
  /** The only address that it listens on; undefined when it may be any. */
  readonly address: string | undefined;
}

export function checkPorts(observed: ObservedHost, { topology }: HostsToCheck): readonly Finding[] {
  const { facts } = observed;
  return wantedPorts(observed, topology).flatMap((wanted) => {
    const taken = facts.sockets.find((socket) => isSamePort(socket, wanted));
    if (taken === undefined) return [];
    const owner = taken.processes.length === 0 ? 'a process that cannot be named' : taken.processes.map((name) => `"${name}"`).join(', ');
    return finding(
      `${wanted.protocol} port ${wanted.port}, which ${wanted.by} needs, is taken by ${owner} at ${taken.address}`,
      'Stop it, or have it listen on another port',
    );
  });
}

/** Ports of what does not run here yet. */
function wantedPorts({ node, state, isNode, isSeed }: ObservedHost, topology: Topology): readonly WantedPort[] {
  const ofComponents = topology
    .componentsOf(node.name)
    .filter(({ name }) => !state.components.has(name))
    .flatMap(({ name, ports }) =>
      ports.map(({ port, protocol, address }): WantedPort => {
        const scope = scopeFor(topology, node, { component: name });
        return {
          port,
          protocol,
          by: name,
          address: address === undefined ? undefined : renderTemplate(address, scope, `ports of ${name}`),
        };
      }),
    );
  const agent: WantedPort = { port: AGENT_PORT, protocol: 'tcp', by: 'the agent', address: node.address };
  const depot: WantedPort = { port: topology.spec.depot.port, protocol: 'tcp', by: 'the depot', address: undefined };
  return [...ofComponents, ...(isNode && !state.agent ? [agent] : []), ...(isSeed && !state.depot ? [depot] : [])];
}

/** What listens on every address stands in the way of all; `::` is IPv4 as well. What is bound to one is in the way of that. */
function isSamePort(socket: ListeningSocket, { port, protocol, address }: WantedPort): boolean {
  if (socket.port !== port || socket.protocol !== protocol) return false;
  if (address === undefined || socket.address === '::') return true;
  if (socket.address === '0.0.0.0') return !address.includes(':');
  return normalAddress(socket.address) === normalAddress(address);
}
