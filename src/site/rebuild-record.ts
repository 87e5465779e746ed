import type { FoundHost, SeedKeys } from './conflicts.ts';
import { newSiteRecord, type RecordedHost, type SiteRecord } from './record.ts';

/**
 * The record of a site as its hosts remember it, for a seed that lost the file but has the keys: every host must name the
 * same site, and the seed must hold the key of every authority that they name. Undefined otherwise. Actions that were done
 * are not known to hosts; their probes tell.
 */
export function rebuildRecord(hosts: readonly FoundHost[], keys: SeedKeys): SiteRecord | undefined {
  const records = hosts.flatMap(({ record }) => record ?? []);
  const [first] = records;
  if (first === undefined || records.some(({ site }) => site.id !== first.site.id)) return undefined;
  const { id, name, seed, authorities } = first.site;
  const entries = Object.entries(authorities);
  if (entries.length === 0 || entries.some(([authority, fingerprint]) => keys.authorities[authority] !== fingerprint)) return undefined;
  const placements = new Map<string, string[]>();
  for (const record of records) {
    for (const component of record.placements) placements.set(component, [...(placements.get(component) ?? []), record.host]);
  }
  return {
    ...newSiteRecord({ id, name, seed }),
    authorities,
    secrets: [...keys.secrets],
    placements: Object.fromEntries(placements),
    hosts: Object.fromEntries(records.map(({ host, address, roles, owned }): [string, RecordedHost] => [host, { address, roles, owned }])),
  };
}
