import { isHeld, type FoundHost, type SeedKeys } from './conflicts.ts';
import { compareSeeds, newSiteRecord, seedOf, type HostRecord, type RecordedHost, type SiteRecord } from './record.ts';

/**
 * Makes the site record again from the records that hosts keep, for a seed that lost the file but still has the keys.
 * Returns undefined unless every host record names the same site and the seed holds every authority that they
 * name. The result has no done actions, because host records do not list them; the probes of the actions show which
 * are done.
 */
export function rebuildRecord(hosts: readonly FoundHost[], keys: SeedKeys): SiteRecord | undefined {
  const records = hosts.flatMap(({ record }) => record ?? []);
  const [first] = records;
  if (first === undefined || records.some(({ site }) => site.id !== first.site.id)) return undefined;
  const { id, name } = first.site;
  // After a change of the seed, hosts that no run has reached yet still name the seed before.
  const [latest = first] = [...records].sort((left, right) => compareSeeds(right.site, left.site));
  // During a rotation, hosts that the run has not reached yet name the authority before.
  const entries = records.flatMap(({ site }) => Object.entries(site.authorities));
  if (entries.length === 0 || !entries.every(([authority, fingerprint]) => isHeld(keys, authority, fingerprint))) return undefined;
  const joined = hostsByComponent(records, (record) => record.joined);
  // The order in a placement matters: founders come before the members that joined them.
  const founded = hostsByComponent(records, (record) => record.placements.filter((component) => !record.joined.includes(component)));
  const components = new Set([...founded.keys(), ...joined.keys()]);
  return {
    ...newSiteRecord({ id, name, seed: latest.site.seed }),
    ...seedOf(latest.site),
    authorities: Object.fromEntries(entries.map(([authority, fingerprint]) => [authority, keys.authorities[authority] ?? fingerprint])),
    secrets: [...keys.secrets],
    placements: Object.fromEntries([...components].map((one) => [one, [...(founded.get(one) ?? []), ...(joined.get(one) ?? [])]])),
    components: Object.fromEntries(
      records.flatMap(({ releases }) => Object.entries(releases).map(([component, release]) => [component, { release }])),
    ),
    joined: Object.fromEntries(joined),
    values: Object.fromEntries(records.flatMap(({ values }) => Object.entries(values))),
    hosts: Object.fromEntries(records.map(({ host, address, roles, owned }): [string, RecordedHost] => [host, { address, roles, owned }])),
  };
}

function hostsByComponent(
  records: readonly HostRecord[],
  listOf: (record: HostRecord) => readonly string[],
): ReadonlyMap<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const record of records)
    for (const component of listOf(record)) hosts.set(component, [...(hosts.get(component) ?? []), record.host]);
  return hosts;
}
