import { isDeepStrictEqual } from 'node:util';
import type { ClusterSpec } from '../../cluster/index.ts';
import { isAddress } from '../../manifests/index.ts';
import { compareSeeds, type SiteConflict, type SiteRecord } from '../../site/index.ts';

export interface SeedQuestion {
  readonly record: SiteRecord;
  /** The cluster.yaml of the backup. */
  readonly spec: ClusterSpec;
  readonly isOwn: (address: string) => boolean;
  readonly newSeed: boolean;
  /** The record that this machine has, if it has one. */
  readonly present: SiteRecord | undefined;
  readonly now: Date;
}

export interface SeedAnswer {
  /** The record to restore. */
  readonly record: SiteRecord;
  readonly conflicts: readonly SiteConflict[];
  /** Edits of cluster.yaml that must be made before the next run. */
  readonly next: readonly string[];
  /** Name of the old seed, when it may have to be forgotten. */
  readonly forget?: string;
}

/**
 * Decides which machine is the seed after a restore on this machine. Where a restore of the same backup has made it the new seed
 * already, and nothing was run since, the record of that time is the answer.
 */
export function seedAfter({ record, spec, isOwn, newSeed, present, now }: SeedQuestion): SeedAnswer {
  const isThis = (name: string): boolean => isAddress(record.hosts[name]?.address ?? '') && isOwn(record.hosts[name]?.address ?? '');
  const node = Object.keys(record.hosts).find((name) => (record.hosts[name]?.roles.length ?? 0) > 0 && isThis(name));
  const name = node ?? (isThis(record.seed) ? record.seed : spec.depot.name);
  if (!newSeed) {
    const isSeed = name === record.seed && isThis(name);
    return { record, conflicts: isSeed ? [] : [notTheSeed(record, node)], next: [] };
  }
  const old = record.seed;
  const others = Object.entries(record.hosts).filter(([host]) => node !== undefined || host !== name);
  // A machine beside the cluster has nothing of what the record lists for another one of that name.
  const moved = { ...record, seed: name, seedSince: laterThan(record, now), hosts: Object.fromEntries(others) };
  return {
    record: present !== undefined && isSameMove(present, moved, record) ? present : moved,
    conflicts: [],
    next: [...depotAddress(spec, node, isOwn), ...leavingSeed(record, name)],
    ...(old === name ? {} : { forget: old }),
  };
}

function isSameMove(present: SiteRecord, moved: SiteRecord, before: SiteRecord): boolean {
  return compareSeeds(present, before) > 0 && isDeepStrictEqual({ ...present, seedSince: moved.seedSince }, moved);
}

/** Now, or later than the time at which the seed before became it, whatever the clock of this machine says. */
export function laterThan(record: SiteRecord, now: Date): string {
  const seedSince = now.toISOString();
  if (compareSeeds({ seedSince }, record) > 0) return seedSince;
  return new Date(Date.parse(record.seedSince ?? seedSince) + 1).toISOString();
}

function notTheSeed({ seed, hosts }: SiteRecord, node: string | undefined): SiteConflict {
  const address = hosts[seed]?.address;
  const old = `"${seed}"${address === undefined ? '' : ` (${address})`}`;
  return {
    where: 'this machine',
    problem: `it is ${node === undefined ? 'none of the nodes' : `"${node}"`}, and the seed of this site is ${old}`,
    remedy: `Restore it on a machine with that address; or add --new-seed, where that machine is lost and this one takes its place`,
  };
}

function depotAddress({ depot }: ClusterSpec, node: string | undefined, isOwn: (address: string) => boolean): readonly string[] {
  const isRight = depot.address === undefined ? node !== undefined : isAddress(depot.address) && isOwn(depot.address);
  if (isRight) return [];
  return [
    node === undefined
      ? 'Write an address of this machine as depot.address in cluster.yaml'
      : 'Take depot.address out of cluster.yaml: the seed is a node now',
  ];
}

function leavingSeed({ seed, hosts }: SiteRecord, name: string): readonly string[] {
  if (seed === name || hosts[seed] === undefined) return [];
  const isNode = hosts[seed].roles.length > 0;
  return [
    `Where "${seed}" is lost for good: ${isNode ? 'take it out of nodes in cluster.yaml, and ' : ''}add --forget ${seed} to the next run`,
  ];
}
