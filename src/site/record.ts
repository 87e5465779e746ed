import * as z from 'zod';
import { isDigest, type Digest } from '../core/index.ts';
import { parseBoundedJson } from '../io/index.ts';

/** The only version of the record so far. */
const RECORD_VERSION = 'caisson/v1';

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'is not a digest');

const bundle = z.strictObject({ name: z.string(), version: z.string(), digest });

/** One thing on a host that is ours. */
const ownedResource = z.strictObject({
  /** Kind of the resource, such as file or unit. */
  kind: z.string().min(1),
  /** Names it among its kind on the host: a path, a name. */
  key: z.string().min(1),
  /** The component that it belongs to, or one of the owners that start with "caisson". */
  owner: z.string().min(1),
  /** Of the state that was wanted last; absent while a part of it (a secret, a certificate) has yet to be made. */
  digest: digest.optional(),
  /**
   * The state before us: `same` was as we want it and stays when the owner goes, `other` was replaced and is put back
   * then. Absent: nothing was there.
   */
  before: z.enum(['same', 'other']).optional(),
  /** It holds data of its owner, which only a purge removes. */
  data: z.boolean().optional(),
  /** Its owner is gone; it stays because it holds data. */
  kept: z.boolean().optional(),
  /** Data that its kind needs in order to remove it, beside the key. */
  details: z.record(z.string(), z.string()).optional(),
});

const ssh = z.strictObject({
  user: z.string().optional(),
  port: z.int().optional(),
  hostKey: z.string().optional(),
});

const host = z.strictObject({
  address: z.string(),
  roles: z.array(z.string()),
  /** How to log in to it, where that differs from the ssh section of cluster.yaml. */
  ssh: ssh.optional(),
  owned: z.array(ownedResource),
});

const doneAction = z.strictObject({
  component: z.string(),
  action: z.string(),
  /** Absent for an action that is done once in the cluster. */
  host: z.string().optional(),
  /** Release of the component that it was done for. */
  release: digest,
  time: z.string(),
});

const operation = z.strictObject({
  run: z.string(),
  operation: z.string(),
  bundle: bundle.optional(),
  started: z.string(),
  ended: z.string().optional(),
  outcome: z.enum(['done', 'failed', 'interrupted']).optional(),
  /** Components, as COMPONENT/HOST, whose actions after a start were to run: a run that did not end well owes them. */
  starts: z.array(z.string()).optional(),
});

/** A site and everything that Caisson made there: the one memory of a cluster. */
export const siteRecordSchema = z.strictObject({
  apiVersion: z.literal(RECORD_VERSION),
  kind: z.literal('SiteRecord'),
  /** Counts the writes. A write names the revision that it was made from. */
  revision: z.int().min(0),
  /** Made once, at random. */
  id: z.string().min(1),
  /** Name of the cluster. */
  name: z.string().min(1),
  /** The machine that serves the bundle and keeps keys and secrets. */
  seed: z.string().min(1),
  /** SHA-256 of each authority's certificate, by the authority's name. */
  authorities: z.record(z.string(), z.string()),
  /** Names of the secrets that were made. */
  secrets: z.array(z.string()),
  /** The bundle in force; absent until a run has ended well. */
  bundle: bundle.optional(),
  /** The bundle that was in force before it. */
  previous: bundle.optional(),
  /** Settings that keep the cluster and its data together: variables, networks and fixed options, by name. */
  settings: z.record(z.string(), z.string()),
  /** Images and files of each component as they were applied last: tells an upgrade from a repair. */
  components: z.record(z.string(), z.strictObject({ release: digest })),
  /** Hosts that each single or quorum component was placed on, by the component's name. */
  placements: z.record(z.string(), z.array(z.string())),
  /** Members that joined a quorum after it was founded, by the component's name. */
  joined: z.record(z.string(), z.array(z.string())),
  /** Values that are computed once for a host and kept, by COMPONENT/HOST/VALUE. */
  values: z.record(z.string(), z.string()),
  hosts: z.record(z.string(), host),
  /** Actions of the platform that were done. */
  actions: z.array(doneAction),
  /** The last runs that changed something, oldest first. */
  operations: z.array(operation),
});

export type SiteRecord = Readonly<z.output<typeof siteRecordSchema>>;
export type OwnedResource = Readonly<z.output<typeof ownedResource>>;
export type RecordedHost = Readonly<z.output<typeof host>>;
export type RecordedOperation = Readonly<z.output<typeof operation>>;

/** Operations that the record keeps; the journal has all. */
export const KEPT_OPERATIONS = 50;

/** The record of a site that nothing was installed on yet. */
export function newSiteRecord(site: { readonly id: string; readonly name: string; readonly seed: string }): SiteRecord {
  return {
    apiVersion: RECORD_VERSION,
    kind: 'SiteRecord',
    revision: 0,
    ...site,
    authorities: {},
    secrets: [],
    settings: {},
    components: {},
    placements: {},
    joined: {},
    values: {},
    hosts: {},
    actions: [],
    operations: [],
  };
}

/** The record that each host keeps of its site, so that no other site takes it and a lost record can be made again. */
export const hostRecordSchema = z.strictObject({
  apiVersion: z.literal(RECORD_VERSION),
  kind: z.literal('HostRecord'),
  site: z.strictObject({ id: z.string(), name: z.string(), seed: z.string(), authorities: z.record(z.string(), z.string()) }),
  /** Name of this host in the site. */
  host: z.string(),
  address: z.string(),
  roles: z.array(z.string()),
  /** Single and quorum components that stand here. */
  placements: z.array(z.string()),
  /** Those of them that this host joined after they were founded. */
  joined: z.array(z.string()).default([]),
  /** Values that are kept for this host, by COMPONENT/HOST/VALUE. */
  values: z.record(z.string(), z.string()).default({}),
  /** Releases of the components that are here. */
  releases: z.record(z.string(), digest).default({}),
  /** Written before the first change of a run and taken out after its last: a run that was killed has something to end here. */
  changing: z.literal(true).optional(),
  owned: z.array(ownedResource),
});

export type HostRecord = Readonly<z.output<typeof hostRecordSchema>>;

/** The record in a text that a host keeps; undefined for a text that is none. */
export function parseHostRecord(text: string): HostRecord | undefined {
  try {
    return hostRecordSchema.safeParse(parseBoundedJson(text)).data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** The text of a host's own record: the same for the same record, because keys are in the order of the schema. */
export function formatHostRecord(record: HostRecord): string {
  return `${JSON.stringify(hostRecordSchema.parse(record), null, 1)}\n`;
}

/** The record that a host keeps, made from the site's record. */
export function hostRecordOf(record: SiteRecord, name: string): HostRecord | undefined {
  const found = record.hosts[name];
  if (found === undefined) return undefined;
  return {
    apiVersion: RECORD_VERSION,
    kind: 'HostRecord',
    site: { id: record.id, name: record.name, seed: record.seed, authorities: record.authorities },
    host: name,
    address: found.address,
    roles: found.roles,
    placements: listing(record.placements, name),
    joined: listing(record.joined, name),
    values: Object.fromEntries(Object.entries(record.values).filter(([key]) => key.split('/')[1] === name)),
    releases: Object.fromEntries(
      Object.entries(record.components)
        .filter(([component]) => found.owned.some(({ owner }) => owner === component))
        .map(([component, { release }]) => [component, release]),
    ),
    owned: found.owned,
  };
}

/** Components whose list has the host. */
function listing(lists: SiteRecord['placements'], host: string): string[] {
  return Object.entries(lists).flatMap(([component, hosts]) => (hosts.includes(host) ? [component] : []));
}
