import { resourceId } from '../resources/index.ts';
import type { OwnedResource } from '../site/index.ts';
import { hostOfChange, type Change } from './change.ts';

/**
 * Resources for the record while a run is under way: those of earlier runs and all that this run is going to make, by
 * host. All that a killed run has made is therefore in the record, so that the next run completes or removes it.
 */
export function claimedResources(changes: readonly Change[]): ReadonlyMap<string, readonly OwnedResource[]> {
  return byHost(changes, (change) => change.owned);
}

/** Resources for the record after a run that succeeded, by host: those that exist now. */
export function settledResources(changes: readonly Change[]): ReadonlyMap<string, readonly OwnedResource[]> {
  return byHost(changes, (change) => {
    if (change.action !== 'remove') return change.owned;
    return change.end === 'kept' ? { ...change.owned, kept: true } : undefined;
  });
}

function byHost(
  changes: readonly Change[],
  ownedOf: (change: Change) => OwnedResource | undefined,
): ReadonlyMap<string, readonly OwnedResource[]> {
  const lists = new Map<string, OwnedResource[]>();
  for (const change of changes) {
    const host = hostOfChange(change);
    const list = lists.get(host) ?? [];
    lists.set(host, list);
    const owned = ownedOf(change);
    if (owned !== undefined) list.push(owned);
  }
  const order = (left: OwnedResource, right: OwnedResource): number => (resourceId(left) < resourceId(right) ? -1 : 1);
  return new Map([...lists].map(([host, list]) => [host, [...list].sort(order)]));
}
