import type { Topology } from '../cluster/index.ts';
import {
  changedName,
  changedSettings,
  foreignHosts,
  lostKeys,
  otherSeeds,
  replacedAuthorities,
  type FoundHost,
  type SeedKeys,
  type SeedLayout,
  type SiteConflict,
  type SiteRecord,
} from '../site/index.ts';
import { movedPlacements } from './moved-components.ts';

/** The site as it was found, and the requested cluster. */
export interface SiteToCheck {
  readonly topology: Topology;
  readonly record: SiteRecord | undefined;
  readonly found: readonly FoundHost[];
  readonly keys: SeedKeys;
  /** Name of the machine that runs this process. */
  readonly seed: string;
  readonly layout: SeedLayout;
  /** True for a run after which the site is gone: no data are used any more, so keys, settings and placements do not count. */
  readonly isLast?: boolean | undefined;
  /** Name of the authority that the run replaces. */
  readonly rotated?: string | undefined;
  /** Name of a component that begins without its data on another host. */
  readonly beginEmpty?: string | undefined;
  /** Directories in its way there that hold something. */
  readonly filled?: readonly string[] | undefined;
}

/** Lists every reason why the requested cluster would harm the site. Empty when there is none. */
export function siteConflicts({
  topology,
  record,
  found,
  keys,
  seed,
  layout,
  isLast,
  rotated,
  beginEmpty,
  filled,
}: SiteToCheck): readonly SiteConflict[] {
  const foreign = foreignHosts(record, found);
  if (record === undefined || foreign.length > 0) return foreign;
  const replaced = otherSeeds(record, found);
  if (replaced.length > 0) return replaced;
  const isSame = [...changedName(record, topology.spec.name), ...changedSeed(record, seed)];
  if (isLast === true) return isSame;
  return [
    ...lostKeys(record, keys, { pki: layout.authorities, secrets: layout.secrets }),
    ...replacedAuthorities(record, found, keys, rotated),
    ...isSame,
    ...changedSettings(record, fixedSettings(topology)),
    ...movedPlacements(record, topology, { beginEmpty, filled }),
  ];
}

/** Settings that must not change after the first install, by their key in cluster.yaml. */
export function fixedSettings({ spec, options }: Topology): Readonly<Record<string, string>> {
  const fixed = [...options.options].filter(([, option]) => option.fixed);
  return {
    'network.podCIDR': spec.network.podCIDR,
    'network.serviceCIDR': spec.network.serviceCIDR,
    ...Object.fromEntries(fixed.map(([name, { choice, values }]) => [`options.${name}`, settingOf(choice, values)])),
  };
}

function settingOf(choice: string, values: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(values).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return given.length === 0 ? choice : `{ choice: ${choice}, ${given.join(', ')} }`;
}

function changedSeed(record: SiteRecord, seed: string): readonly SiteConflict[] {
  if (record.seed === seed) return [];
  return [
    {
      where: 'the seed',
      problem: `this machine was "${record.seed}" in the cluster, and is "${seed}" by cluster.yaml`,
      remedy: `Write the name "${record.seed}" again (of its node, or as depot.name for a seed beside the cluster); where that machine is lost: caisson adopt`,
    },
  ];
}
