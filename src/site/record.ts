import * as z from 'zod';
import { isDigest, type Digest } from '../core/index.ts';
import { parseBoundedJson } from '../io/index.ts';

/** `apiVersion` of the records that this version reads and writes. */
const RECORD_VERSION = 'caisson/v1';

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'is not a digest');

/** Reason for which a bundle was installed: its signer, its digest, or the word of the operator alone. */
const acceptance = z.discriminatedUnion('by', [
  /** An allowed signer signed it: the fingerprint of the key, and the names that the allowed signers have for it. */
  z.strictObject({ by: z.literal('signature'), key: z.string(), signer: z.string() }),
  /** The operator named its digest. */
  z.strictObject({ by: z.literal('digest') }),
  /** No signature of it was checked, and no digest was named. */
  z.strictObject({ by: z.literal('unsigned') }),
]);

const bundle = z.strictObject({
  name: z.string(),
  version: z.string(),
  digest,
  /** Set when the depot fetches the members of the bundle from upstream. Absent for a bundle that was carried to the site. */
  supply: z.literal('online').optional(),
  /** Of a bundle that is supplied online: digest of the lock that it follows from. */
  lock: digest.optional(),
  /** Absent for a bundle that is supplied online, and in records of earlier versions. */
  accepted: acceptance.optional(),
});

/** One resource on a host that Caisson made or took over. */
const ownedResource = z.strictObject({
  /** Kind of the resource, such as file or unit. */
  kind: z.string().min(1),
  /** Path or name of the resource, unique within its kind on the host. */
  key: z.string().min(1),
  /** Name of the component that the resource belongs to, or one of the owners that start with "caisson". */
  owner: z.string().min(1),
  /** Digest of the state that was wanted last. Absent while a secret or certificate in that state has not been made yet. */
  digest: digest.optional(),
  /**
   * State that Caisson found before it made the resource. `same`: as wanted; the resource stays when its owner goes.
   * `other`: replaced; the original is put back when the owner goes. Absent: it did not exist.
   */
  before: z.enum(['same', 'other']).optional(),
  /** True when the resource holds data of its owner. Only a purge removes these. */
  data: z.boolean().optional(),
  /** True when the owner is gone and the resource stays because it holds data. */
  kept: z.boolean().optional(),
  /** Data besides the key that the kind needs to remove the resource. */
  details: z.record(z.string(), z.string()).optional(),
});

const ssh = z.strictObject({
  user: z.string().optional(),
  port: z.int().optional(),
  hostKey: z.string().optional(),
  identityFile: z.string().optional(),
  jump: z.union([z.string(), z.array(z.string())]).optional(),
});

const host = z.strictObject({
  address: z.string(),
  roles: z.array(z.string()),
  /** Login settings of the host that differ from the ssh section of cluster.yaml. */
  ssh: ssh.optional(),
  /** Set after the cordon actions of its components, until an operator uncordons the host. */
  cordoned: z
    .strictObject({
      since: z.iso.datetime(),
      by: z.literal('operator'),
      /** Set for a machine in the place of one that was cordoned to go down: its first start uncordons it. */
      untilStart: z.literal(true).optional(),
    })
    .optional(),
  /** Set while an operator has the node down, from the first step of that until the last of bringing it up. */
  down: z
    .strictObject({
      since: z.iso.datetime(),
      by: z.literal('operator'),
      /** Set when that cordoned the node, so that bringing it up uncordons it. */
      cordoned: z.literal(true).optional(),
      /** Set while all its components are stopped. Absent when a command that stops or starts them did not end. */
      stopped: z.literal(true).optional(),
    })
    .optional(),
  /**
   * Addresses of former machines of this name that members of a quorum still count as one of them, each with the component.
   * An entry goes once the leave actions of the component have run for it.
   */
  former: z.array(z.strictObject({ component: z.string(), address: z.string() })).optional(),
  owned: z.array(ownedResource),
});

const doneAction = z.strictObject({
  component: z.string(),
  action: z.string(),
  /** Absent for an action that runs once for the whole cluster. */
  host: z.string().optional(),
  /** Release of the component that the action was run for. */
  release: digest,
  time: z.string(),
});

const operation = z.strictObject({
  run: z.string(),
  operation: z.string(),
  /** Bundle that the run installs. Absent for a run that removes the site. */
  bundle: bundle.optional(),
  started: z.string(),
  ended: z.string().optional(),
  outcome: z.enum(['done', 'failed', 'interrupted']).optional(),
  /**
   * COMPONENT/HOST of each placement whose after-healthy actions the run planned. When the run does not end with `done`,
   * the next run runs these actions.
   */
  starts: z.array(z.string()).optional(),
  /** Path of the backup that was made before the first change. A run that goes on with this one makes no other. */
  backup: z.string().optional(),
});

/** Schema of the site record: the site, everything that Caisson made there, and the last operations. */
export const siteRecordSchema = z.strictObject({
  apiVersion: z.literal(RECORD_VERSION),
  kind: z.literal('SiteRecord'),
  /** Number of writes so far. SiteStore.write refuses a record that was made from an older revision. */
  revision: z.int().min(0),
  /** Random; made at the first install and never changed. */
  id: z.string().min(1),
  /** Name of the cluster. */
  name: z.string().min(1),
  /** Name of the machine that serves the bundle and stores the keys and secrets. */
  seed: z.string().min(1),
  /**
   * Time at which that machine became the seed in the place of another. Absent while the seed is the machine of the first
   * install. Of two machines that say that they are the seed, the later one is.
   */
  seedSince: z.iso.datetime().optional(),
  /** SHA-256 of each authority's certificate, by name of the authority. */
  authorities: z.record(z.string(), z.string()),
  /** Names of the secrets that were made. */
  secrets: z.array(z.string()),
  /** Bundle that is installed; absent until a run has succeeded. */
  bundle: bundle.optional(),
  /** Bundle that was installed before `bundle`. */
  previous: bundle.optional(),
  /** Digest of the bundle whose images were put into the registry of the cluster, and the hosts on which it ran then. */
  registry: z.strictObject({ bundle: digest, hosts: z.array(z.string()) }).optional(),
  /** cluster.yaml of the last run that began: its absolute path on the seed, and the SHA-256 of its text then. */
  cluster: z.strictObject({ path: z.string().min(1), digest }).optional(),
  /** Variables, networks and fixed options that existing data depend on, by name. A run that changes one is refused. */
  settings: z.record(z.string(), z.string()),
  /** Digest of the images and files of each component as they were applied last. An upgrade changes it, a repair does not. */
  components: z.record(z.string(), z.strictObject({ release: digest })),
  /** Hosts on which each single or quorum component was placed, by name of the component. */
  placements: z.record(z.string(), z.array(z.string())),
  /** Hosts that joined a quorum after it was founded, by name of the component. */
  joined: z.record(z.string(), z.array(z.string())),
  /** Values that are computed once for a host and then stay the same, by COMPONENT/HOST/VALUE. */
  values: z.record(z.string(), z.string()),
  hosts: z.record(z.string(), host),
  /** Actions of the platform that succeeded. */
  actions: z.array(doneAction),
  /** The last runs that changed the site, oldest first; at most KEPT_OPERATIONS. */
  operations: z.array(operation),
});

export type SiteRecord = Readonly<z.output<typeof siteRecordSchema>>;
export type RecordedBundle = Readonly<z.output<typeof bundle>>;
export type Acceptance = Readonly<z.output<typeof acceptance>>;
export type OwnedResource = Readonly<z.output<typeof ownedResource>>;
export type RecordedHost = Readonly<z.output<typeof host>>;
export type RecordedOperation = Readonly<z.output<typeof operation>>;

/** Most operations in the record; the journal has all of them. */
export const KEPT_OPERATIONS = 50;

/** Returns the record of a new site, before the first install. */
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

/**
 * Schema of the record that each host keeps of its site. It prevents another site from taking the host, and rebuildRecord
 * makes a lost site record from it.
 */
export const hostRecordSchema = z.strictObject({
  apiVersion: z.literal(RECORD_VERSION),
  kind: z.literal('HostRecord'),
  site: z.strictObject({
    id: z.string(),
    name: z.string(),
    seed: z.string(),
    seedSince: z.iso.datetime().optional(),
    authorities: z.record(z.string(), z.string()),
  }),
  /** Name of the host in the site. */
  host: z.string(),
  address: z.string(),
  roles: z.array(z.string()),
  /** Single and quorum components that are placed on this host. */
  placements: z.array(z.string()),
  /** Quorum components in `placements` that this host joined after they were founded. */
  joined: z.array(z.string()).default([]),
  /** The site record's `values` of this host, by COMPONENT/HOST/VALUE. */
  values: z.record(z.string(), z.string()).default({}),
  /** Releases of the components on this host, by name of the component. */
  releases: z.record(z.string(), digest).default({}),
  /**
   * Set before the first change of a run on this host and removed after the last. When a run starts and finds it, an
   * earlier run was interrupted here and its work must be finished.
   */
  changing: z.literal(true).optional(),
  owned: z.array(ownedResource),
});

export type HostRecord = Readonly<z.output<typeof hostRecordSchema>>;

/** Parses the record that a host keeps. Returns undefined when the text is not JSON or does not match the schema. */
export function parseHostRecord(text: string): HostRecord | undefined {
  try {
    return hostRecordSchema.safeParse(parseBoundedJson(text)).data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** Formats the record of a host. Equal records give equal texts, because keys are written in the order of the schema. */
export function formatHostRecord(record: HostRecord): string {
  return `${JSON.stringify(hostRecordSchema.parse(record), null, 1)}\n`;
}

/** Returns the share of the site record that a host keeps; undefined when the site record does not list the host. */
export function hostRecordOf(record: SiteRecord, name: string): HostRecord | undefined {
  const found = record.hosts[name];
  if (found === undefined) return undefined;
  return {
    apiVersion: RECORD_VERSION,
    kind: 'HostRecord',
    site: { id: record.id, name: record.name, ...seedOf(record), authorities: record.authorities },
    host: name,
    address: found.address,
    roles: found.roles.toSorted(),
    placements: listing(record.placements, name),
    joined: listing(record.joined, name),
    values: Object.fromEntries(Object.entries(record.values).filter(([key]) => key.split('/')[1] === name)),
    releases: Object.fromEntries(
      Object.entries(record.components)
        // Data that stay where a component was removed do not make it one of the host.
        .filter(([component]) => found.owned.some(({ owner, kept }) => owner === component && kept !== true))
        .map(([component, { release }]) => [component, release]),
    ),
    owned: found.owned,
  };
}

/** The seed of a record, and since when. */
export function seedOf({ seed, seedSince }: Pick<SiteRecord, 'seed' | 'seedSince'>): Pick<SiteRecord, 'seed' | 'seedSince'> {
  return { seed, ...(seedSince === undefined ? {} : { seedSince }) };
}

/** Negative when the first machine became the seed before the second, 0 when at the same time. */
export function compareSeeds(left: Pick<SiteRecord, 'seedSince'>, right: Pick<SiteRecord, 'seedSince'>): number {
  const since = ({ seedSince }: Pick<SiteRecord, 'seedSince'>): number => (seedSince === undefined ? 0 : Date.parse(seedSince));
  return since(left) - since(right);
}

/** Names of the lists that contain the host. */
function listing(lists: SiteRecord['placements'], host: string): string[] {
  return Object.entries(lists).flatMap(([component, hosts]) => (hosts.includes(host) ? [component] : []));
}
