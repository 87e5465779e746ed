import type { AgentConfigInput } from '../../agent/index.ts';
import { urlAddress, type NodeSpec, type Placement, type PlacementNeed } from '../../cluster/index.ts';
import type { Declared } from '../declared.ts';
import { componentServices } from './service-document.ts';

type ServiceNeeds = NonNullable<AgentConfigInput['needs']>;
type Site = Pick<Declared, 'topology'>;

/** Components that each service of a node needs, as its agent takes them. A service that needs none is left out. */
export function serviceNeeds(declared: Site, node: NodeSpec): ServiceNeeds {
  const own = declared.topology.placements.filter(({ host }) => host.name === node.name);
  return Object.fromEntries(
    own.flatMap((placement) => {
      const needs = placement.needs.flatMap((need) => needOf(declared, node, need));
      return needs.length === 0 ? [] : componentServices(declared, placement).map(({ name }) => [name, needs]);
    }),
  );
}

/**
 * A restart is of some help as soon as one place of a need is well, or the majority of a quorum, also where an install wants
 * all of them. A place elsewhere without an endpoint that takes connections cannot be asked from here: it counts as well.
 */
function needOf({ topology }: Site, node: NodeSpec, { component, placements, count }: PlacementNeed): ServiceNeeds[string] {
  const standing = topology.placements.filter(({ id }) => placements.includes(id));
  const places = standing.flatMap((placement) => placeOf({ topology }, node, placement));
  const isQuorum = topology.manifests.components.get(component)?.placement === 'quorum';
  const enough = Math.min(count, isQuorum ? Math.floor(standing.length / 2) + 1 : 1);
  const least = enough - (standing.length - places.length);
  return least > 0 ? [{ component, least, places }] : [];
}

function placeOf(declared: Site, node: NodeSpec, placement: Placement): ServiceNeeds[string][number]['places'] {
  const services = componentServices(declared, placement);
  const { name, address } = placement.host;
  if (name === node.name) return [{ node: name, services: services.map((service) => service.name) }];
  const ports = services.flatMap(({ endpoints }) => endpoints.filter(({ protocol }) => protocol !== 'udp').map(({ port }) => port));
  return ports.length === 0 ? [] : [{ node: name, addresses: ports.map((port) => `${urlAddress(address)}:${port}`) }];
}
