import { CaissonError } from '../core/index.ts';
import type { HostRecord, SiteRecord } from './record.ts';

/** One reason why a run would do harm to a site, and what to do instead. */
export interface SiteConflict {
  /** A host, a file of the seed, or a key of cluster.yaml. */
  readonly where: string;
  readonly problem: string;
  readonly remedy: string;
}

/** A run does not go with the site that is there: every reason at once. Nothing was changed. */
export class SiteConflictError extends CaissonError {
  readonly conflicts: readonly SiteConflict[];

  constructor(conflicts: readonly SiteConflict[]) {
    const lines = conflicts.map(({ where, problem, remedy }) => `  ${where}: ${problem}\n    ${remedy}`);
    const count = conflicts.length === 1 ? '1 conflict' : `${conflicts.length} conflicts`;
    super('SITE_CONFLICT', `Cannot change this site: ${count}\n${lines.join('\n')}`, { hint: 'Nothing was changed' });
    this.conflicts = conflicts;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { conflicts: this.conflicts };
  }
}

/** The site that a host of a run belongs to, as the host keeps it. */
export interface FoundHost {
  readonly name: string;
  /** Undefined where the host keeps none. */
  readonly record: HostRecord | undefined;
  /** True when our agent is installed there. */
  readonly hasAgent: boolean;
}

/** The keys and secrets of a site that the seed has. */
export interface SeedKeys {
  /** SHA-256 of the certificate of each authority whose key is there too. */
  readonly authorities: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

/**
 * Hosts that belong to another site than the record's. A machine that belongs to a site is never taken by another run: that
 * the seed has no record does not make it a new site.
 */
export function foreignHosts(record: SiteRecord | undefined, hosts: readonly FoundHost[]): readonly SiteConflict[] {
  return hosts.flatMap(({ name, record: found, hasAgent }) => {
    if (found === undefined) {
      if (!hasAgent || record?.hosts[name] !== undefined) return [];
      return [
        {
          where: name,
          problem: 'it runs an agent of a site that left no record there',
          remedy: 'Run this on the seed that installed it. If that site is gone, remove /etc/systemd/system/caisson-agent.service there',
        },
      ];
    }
    if (found.site.id === record?.id) return [];
    const site = `site "${found.site.name}" (${found.site.id}), whose seed is "${found.site.seed}"`;
    return [
      {
        where: name,
        problem: `it belongs to ${site}`,
        remedy:
          record === undefined
            ? `Run this on "${found.site.seed}". Where that machine is lost, put back /var/lib/caisson and /etc/caisson from a backup of it`
            : `Use another machine, or have "${found.site.seed}" remove it from its cluster first`,
      },
    ];
  });
}

/** Keys and secrets that the record says were made and that the seed has lost. New ones would lock the cluster out of its data. */
export function lostKeys(
  record: SiteRecord,
  keys: SeedKeys,
  places: { readonly pki: string; readonly secrets: string },
): readonly SiteConflict[] {
  const authorities = Object.entries(record.authorities).flatMap(([name, fingerprint]): SiteConflict[] => {
    const found = keys.authorities[name];
    if (found === fingerprint) return [];
    const problem =
      found === undefined
        ? `the authority "${name}" of this site is gone`
        : `the authority "${name}" is not the one that this site was made with`;
    return [{ where: places.pki, problem, remedy: `Put back ${places.pki} from a backup: every certificate of the site hangs on it` }];
  });
  const secrets = record.secrets
    .filter((name) => !keys.secrets.includes(name))
    .map((name) => ({
      where: places.secrets,
      problem: `the secret "${name}" of this site is gone`,
      remedy: `Put back ${places.secrets} from a backup: the cluster's data are locked with it`,
    }));
  return [...authorities, ...secrets];
}

/** A cluster name that is another than the site's: it is in certificates, node identities and data. */
export function changedName(record: SiteRecord, name: string): readonly SiteConflict[] {
  if (record.name === name) return [];
  return [
    {
      where: 'cluster.yaml: name',
      problem: `this site is "${record.name}", and "${name}" is asked for`,
      remedy: `Write name: ${record.name}. A second cluster needs a seed of its own`,
    },
  ];
}

/** Settings that a change would part from the data that were made with them. */
export function changedSettings(record: SiteRecord, wanted: Readonly<Record<string, string>>): readonly SiteConflict[] {
  return Object.entries(record.settings).flatMap(([name, value]) => {
    const asked = wanted[name];
    if (asked === undefined || asked === value) return [];
    return [
      {
        where: `cluster.yaml: ${name}`,
        problem: `it was "${value}" when the cluster was installed, and "${asked}" is asked for; what runs there would lose its data`,
        remedy: `Write "${value}" again`,
      },
    ];
  });
}
