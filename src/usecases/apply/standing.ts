import { keptValues, type Topology } from '../../cluster/index.ts';
import type { SiteRecord } from '../../site/index.ts';

/** Returns the placements without hosts that a component has left, and the kept values of hosts that stay. */
export function standing(record: SiteRecord, topology: Topology): Pick<SiteRecord, 'placements' | 'joined' | 'values'> {
  const listed = (lists: Readonly<Record<string, readonly string[]>>): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(lists)
        .map(([component, hosts]): [string, string[]] => {
          const standsOn = new Set(topology.hostsOf(component).map(({ name }) => name));
          return [component, hosts.filter((host) => standsOn.has(host))];
        })
        .filter(([, hosts]) => hosts.length > 0),
    );
  return { placements: listed(record.placements), joined: listed(record.joined), values: keptValues(topology) };
}
