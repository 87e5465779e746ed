import {
  compareSeeds,
  generationOfFiles,
  isHeld,
  type FoundHost,
  type HostRecord,
  type SeedKeys,
  type SiteConflict,
} from '../../site/index.ts';

/** An authority as one host names it. */
export interface NamedAuthority {
  readonly host: string;
  readonly authority: string;
  readonly fingerprint: string;
}

/** The site that the hosts of a cluster belong to, by what they keep. */
export type SiteOfHosts = HostRecord['site'];

/**
 * Finds the one site that hosts say they belong to, with the authorities that each of them names. Its seed is the last that
 * took over. Returns the conflicts instead when they are of two sites, or of none.
 */
export function siteOfHosts(
  found: readonly FoundHost[],
): { readonly site: SiteOfHosts; readonly authorities: readonly NamedAuthority[] } | { readonly conflicts: readonly SiteConflict[] } {
  const kept = found.flatMap(({ name, record }) => (record === undefined ? [] : [{ name, site: record.site }]));
  const [first] = kept;
  if (first === undefined) {
    return {
      conflicts: [
        {
          where: 'cluster.yaml: nodes',
          problem: 'none of these hosts keeps a record of a site, so there is nothing to take over',
          remedy: 'Name the cluster.yaml of the site; a new cluster is made with: caisson install --offline',
        },
      ],
    };
  }
  const ids = new Set(kept.map(({ site }) => site.id));
  if (ids.size > 1) return { conflicts: kept.map((host) => strangerOf(host)) };
  // After a change of the seed, hosts that no run has reached yet still name the seed before.
  const [latest = first] = [...kept].sort((left, right) => compareSeeds(right.site, left.site));
  return {
    site: latest.site,
    authorities: kept.flatMap(({ name, site }) =>
      Object.entries(site.authorities).map(([authority, fingerprint]) => ({ host: name, authority, fingerprint })),
    ),
  };
}

function strangerOf({ name, site }: { readonly name: string; readonly site: SiteOfHosts }): SiteConflict {
  return {
    where: name,
    problem: `it belongs to site "${site.name}" (${site.id}), and these hosts are not all of one site`,
    remedy: 'Write into cluster.yaml the hosts of one site alone, by the list of that site',
  };
}

/**
 * Lists the authorities that hosts name and whose certificate and key are not held, in any generation. `files` are the names of the given ones. Hosts that name none
 * conflict, too.
 */
export function unprovenAuthorities(
  named: readonly NamedAuthority[],
  held: SeedKeys['held'],
  files: readonly string[],
  place: string,
): readonly SiteConflict[] {
  if (named.length === 0) {
    const problem = 'the hosts name no authority, so no key can show that this machine may lead them';
    return [{ where: place, problem, remedy: 'Restore a backup of the seed: caisson adopt --backup FILE' }];
  }
  const unproven = named.filter(({ authority, fingerprint }) => !isHeld({ held }, authority, fingerprint));
  return [...new Set(unproven.map(({ authority }) => authority))].map((authority) => {
    const hosts = unproven.filter((one) => one.authority === authority).map(({ host }) => host);
    return {
      where: place,
      problem: `authority "${authority}": ${problemOf(authority, held, files)} (${hosts.join(', ')})`,
      remedy: `Name a directory with the key and the certificate of the site, as /var/lib/caisson/authorities of its seed has them`,
    };
  });
}

function problemOf(authority: string, held: SeedKeys['held'], files: readonly string[]): string {
  if ((held[authority] ?? []).length > 0) return 'its certificate is not the one whose fingerprint hosts keep';
  const has = (ending: string): boolean =>
    files.some((name) => name.endsWith(ending) && generationOfFiles(name.slice(0, -ending.length)).authority === authority);
  if (!has('.key')) return 'its key is not there';
  return has('.crt') ? 'its key does not belong to its certificate' : 'its certificate is not there, and no host has it';
}
