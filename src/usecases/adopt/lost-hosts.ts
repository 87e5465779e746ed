import type { NodeSpec } from '../../cluster/index.ts';
import type { Manifests } from '../../manifests/index.ts';
import type { OwnedResource, SiteRecord } from '../../site/index.ts';

/**
 * Adds lost nodes to a record that was rebuilt without them, by their roles: the members of a quorum that stay let them go
 * only when the record has them as members, and a single component that no other host has stood on one of them.
 */
export function withLostHosts(record: SiteRecord, lost: readonly NodeSpec[], { components, roles }: Manifests): SiteRecord {
  return lost.reduce((whole, node) => {
    const names = new Set(node.roles.flatMap((role) => roles.get(role)?.components ?? []));
    const placed = [...names].filter((name) => {
      const { placement } = components.get(name) ?? {};
      const known = whole.placements[name] ?? [];
      return placement === 'quorum' ? known.length > 0 : placement === 'one' && known.length === 0;
    });
    const owned = placed.flatMap((name) => runningOf(whole, name));
    const { name, address, roles: own } = node;
    return {
      ...whole,
      placements: { ...whole.placements, ...Object.fromEntries(placed.map((one) => [one, [...(whole.placements[one] ?? []), name]])) },
      hosts: { ...whole.hosts, [name]: { address, roles: [...own], owned } },
    };
  }, record);
}

/** The definitions and units by which a component is known to run, as another host has them. */
function runningOf({ hosts }: SiteRecord, component: string): OwnedResource[] {
  const peers = Object.values(hosts).map(({ owned }) =>
    owned.filter(({ owner, kind }) => owner === component && (kind === 'definition' || kind === 'unit')),
  );
  return peers.find((owned) => owned.length > 0) ?? [];
}
