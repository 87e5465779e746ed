import type { ClusterSpec, NodeSpec } from '../../cluster/index.ts';
import type { FoundHost, SiteConflict, SiteRecord } from '../../site/index.ts';
import { dataPlaces } from '../backup/data-places.ts';
import type { ClusterOfNewSeed } from './new-seed.ts';
import type { ReadBack } from './read-back.ts';
import type { SiteOfHosts } from './site-of-hosts.ts';

/** A conflict for each secret that is lost. `place` is the directory of the secrets. */
export function lostSecrets({ lostSecrets: lost }: ReadBack, record: SiteRecord, place: string): readonly SiteConflict[] {
  return [...lost].map(([name, components]) => ({
    where: place,
    problem: `the secret "${name}" is lost: no file on a host has it, and ${components.join(', ')} ${components.length === 1 ? 'uses' : 'use'} it${dataOf(record, components)}`,
    remedy: `Write it into a file "${name}" (mode 0600) of a directory, and name that with --secrets; where it is lost for good, add --new-secrets, which makes another`,
  }));
}

/** Data that may be locked with a secret of these components. */
function dataOf(record: SiteRecord, components: readonly string[]): string {
  const places = dataPlaces(record).filter(({ owner }) => components.includes(owner));
  return places.length === 0
    ? ''
    : `, with data that may be locked with it (${places.map(({ host, path }) => `${host}: ${path}`).join(', ')})`;
}

export interface Rebuilt {
  readonly site: SiteOfHosts;
  readonly back: ReadBack;
  readonly cluster: ClusterOfNewSeed;
  readonly found: readonly FoundHost[];
  readonly record: SiteRecord;
  readonly lost: readonly NodeSpec[];
}

/** Lines for the operator: rebuilt parts, lost parts, and parts of cluster.yaml that are taken on trust. */
export function notesOf({ site, back, cluster, found, record, lost }: Rebuilt): readonly string[] {
  const isAsked = found.some(({ name, record: kept }) => name === site.seed && kept !== undefined);
  const fresh = found.filter(({ record: kept, name }) => kept === undefined && isNode(cluster.spec, name)).map(({ name }) => name);
  return [
    `Rebuilt from the lists of ${Object.keys(record.hosts).length - lost.length} hosts`,
    ...[...back.secrets].map(([name, { from }]) => `The secret "${name}" was read back from ${from}`),
    ...[...back.pairs].map(([name, { from }]) => `The key pair "${name}" was read back from ${from}`),
    ...[...back.lostSecrets].map(
      ([name, users]) => `Is made anew, because it is lost: the secret "${name}" of ${users.join(', ')}${dataOf(record, users)}`,
    ),
    ...[...back.lostPairs].map(([name, users]) => `Is made anew, because it is lost: the key pair "${name}" of ${users.join(', ')}`),
    'Are made anew: all certificates, by the same authorities, and the key of the package repositories',
    'Is not known any more: the bundle before, so there is no rollback; the history of runs; which actions ran, so their probes are asked; which nodes are cordoned',
    'Is believed: the networks and the fixed options in cluster.yaml. They must be those that the site was installed with',
    ...fresh.map((name) => `${name} keeps no record of the site, and is installed as a new node`),
    ...(isAsked || site.seed === record.seed ? [] : [`The former seed, ${site.seed}, is not asked and must not come back`]),
  ];
}

function isNode({ nodes }: ClusterSpec, name: string): boolean {
  return nodes.some((node) => node.name === name);
}
