import { CaissonError } from '../core/index.ts';
import type { RotationPhase } from './authority-generations.ts';
import { compareSeeds, type HostRecord, type SiteRecord } from './record.ts';

/** One reason why a run would do harm to a site, with the remedy. */
export interface SiteConflict {
  /** Name of a host, path on the seed, or key of cluster.yaml. */
  readonly where: string;
  readonly problem: string;
  readonly remedy: string;
}

/** Thrown before anything is changed, with every reason why a run or a restore would do harm to the site. */
export class SiteConflictError extends CaissonError {
  readonly conflicts: readonly SiteConflict[];

  /** `what` says what cannot be done. */
  constructor(conflicts: readonly SiteConflict[], what = 'change this site') {
    const lines = conflicts.map(({ where, problem, remedy }) => `  ${where}: ${problem}\n    ${remedy}`);
    const count = conflicts.length === 1 ? '1 conflict' : `${conflicts.length} conflicts`;
    super('SITE_CONFLICT', `Cannot ${what}: ${count}\n${lines.join('\n')}`, { hint: 'Nothing was changed' });
    this.conflicts = conflicts;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { conflicts: this.conflicts };
  }
}

/** A host of a run, with the record that it keeps of its site. */
export interface FoundHost {
  readonly name: string;
  /** Undefined when the host keeps no record. */
  readonly record: HostRecord | undefined;
  /** True when the unit of our agent is installed on the host. */
  readonly hasAgent: boolean;
}

/** The authorities and secrets that are present on the seed. */
export interface SeedKeys {
  /** SHA-256 of the certificate by name of the authority. An authority whose key is missing is left out. */
  readonly authorities: Readonly<Record<string, string>>;
  /** The same of every generation of an authority that the seed keeps: during a rotation there are two. */
  readonly held: Readonly<Record<string, readonly string[]>>;
  /** The phase of each rotation that is under way, by name of the authority. */
  readonly rotations: Readonly<Record<string, RotationPhase>>;
  readonly secrets: readonly string[];
}

/**
 * Returns a conflict for each host that belongs to another site than `record`. Without a record, every host that keeps a
 * record or has our agent conflicts: a run never takes over a host of an existing site.
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
            ? `Run this on "${found.site.seed}". Where that machine is lost, restore its backup: caisson restore FILE`
            : `Use another machine, or have "${found.site.seed}" remove it from its cluster first`,
      },
    ];
  });
}

/**
 * Returns a conflict for each host of the site whose record names another seed than `record`, unless the seed of `record`
 * took over later. On a seed that was replaced, and that came back, every host has this conflict.
 */
export function otherSeeds(record: SiteRecord, hosts: readonly FoundHost[]): readonly SiteConflict[] {
  return hosts.flatMap(({ name, record: found }) => {
    if (found === undefined || found.site.id !== record.id) return [];
    const order = compareSeeds(found.site, record);
    if (order < 0 || (order === 0 && found.site.seed === record.seed)) return [];
    const { seed, seedSince } = found.site;
    return [
      {
        where: name,
        problem: `its seed is "${seed}"${seedSince === undefined ? '' : ` since ${seedSince}`}, and no longer this machine`,
        remedy: `Run this on "${seed}". Where that machine is lost, make this one the seed again from a backup of it: caisson restore --new-seed`,
      },
    ];
  });
}

/**
 * Returns a conflict for each authority and secret of the record that the seed no longer has. A run must not make new
 * ones: the cluster could then not read its own data.
 */
export function lostKeys(
  record: SiteRecord,
  keys: SeedKeys,
  places: { readonly pki: string; readonly secrets: string },
): readonly SiteConflict[] {
  const authorities = Object.entries(record.authorities).flatMap(([name, fingerprint]): SiteConflict[] => {
    if (isHeld(keys, name, fingerprint)) return [];
    const problem =
      keys.authorities[name] === undefined
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

/** True for the fingerprint of an authority that the seed has, with its key, in any generation. */
export function isHeld({ held }: Pick<SeedKeys, 'held'>, name: string, fingerprint: string): boolean {
  return held[name]?.includes(fingerprint) === true;
}

/**
 * Returns a conflict for each host that was given another authority than the seed has: the authority was rotated after the
 * backup that this seed was restored from. A run would put hosts that trust the authority before beside those that trust the
 * one after. `rotated` names an authority that this run replaces on every host.
 */
export function replacedAuthorities(
  record: SiteRecord,
  hosts: readonly FoundHost[],
  keys: Pick<SeedKeys, 'held'>,
  rotated?: string,
): readonly SiteConflict[] {
  return Object.keys(record.authorities)
    .filter((name) => name !== rotated)
    .flatMap((name) => {
      const other = hosts.filter(({ record: found }) => {
        const fingerprint = found?.site.id === record.id ? found.site.authorities[name] : undefined;
        return fingerprint !== undefined && !isHeld(keys, name, fingerprint);
      });
      return other.map(({ name: where }) => ({
        where,
        problem: `it was given another authority "${name}" than this seed has: the authority was rotated since the backup of this seed`,
        remedy: `Restore a backup from after that rotation. Where there is none, caisson certificates rotate ${name} makes a new authority; until it ends, hosts with the new one and hosts without do not trust each other`,
      }));
    });
}

/**
 * Returns a conflict when cluster.yaml has another name than the site. Certificates, node identities and data contain the
 * name, so it cannot change.
 */
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

/**
 * Returns a conflict for each recorded setting that is wanted with another value: data on the hosts were made with the
 * recorded one. A setting that is missing in `wanted` does not conflict.
 */
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
