import type { BundleReader } from '../bundle/index.ts';
import type { Topology } from '../cluster/index.ts';
import type { Digest } from '../core/index.ts';
import type { OperatingSystem } from '../manifests/index.ts';
import type { ContainerEngine, PackageManager, Resource, ResourceContext } from '../resources/index.ts';
import type { SeedLayout, SiteKeys } from '../site/index.ts';

/** Where the seed serves the bundle. */
export interface DepotAddress {
  /** DNS name that every node gets in /etc/hosts. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** host:port as container engines name a registry. */
export function depotAuthority(depot: DepotAddress): string {
  return `${depot.name}:${depot.port}`;
}

export function depotUrl(depot: DepotAddress): string {
  return `https://${depotAuthority(depot)}`;
}

/** A bundle as the seed keeps it. */
export interface StagedBundleFile {
  readonly path: string;
  readonly digest: Digest;
  /** The bundle that was installed with it: itself, or a delta that needs it. */
  readonly of: Digest;
  /** False for a bundle that stays for a way back: the depot does not serve it. */
  readonly isServed: boolean;
  readonly isPlaced: () => Promise<boolean>;
  readonly place: (context: ResourceContext) => Promise<void>;
}

/** Where everything comes from: the bundle, and the depot that serves it. */
export interface Supply {
  /** What is installed. */
  readonly bundle: Pick<BundleReader, 'manifest' | 'bundleDigest' | 'entry' | 'open'>;
  /** Every bundle that the seed keeps. */
  readonly staged: readonly StagedBundleFile[];
  readonly depot: DepotAddress;
}

/** What preflight found of the hosts, by their names. */
export interface Observed {
  readonly systems: ReadonlyMap<string, OperatingSystem>;
  /** CPUs in the words of image platforms (amd64), of the seed too. */
  readonly architectures: ReadonlyMap<string, string>;
}

/** The machine that serves the bundle and keeps keys and secrets. */
export interface Seed {
  readonly name: string;
  readonly layout: SeedLayout;
  readonly keys: SiteKeys;
}

/** The tools through which hosts are worked on. */
export interface Tools {
  readonly engine: ContainerEngine;
  readonly packages: PackageManager;
}

/** What is wanted: a cluster laid over manifests, the bundle that it comes from, the site that it is for. */
export interface Declared {
  readonly topology: Topology;
  readonly supply: Supply;
  readonly observed: Observed;
  readonly seed: Seed;
  readonly tools: Tools;
}

/** Everything that is wanted on the hosts, and what each component needs to know of its parts. */
export interface Wanted {
  /** No two of the same kind and key on one host. */
  readonly resources: readonly Resource[];
  /** For each owner on each host, the ids of all that it needs there, also where another owner has it. */
  readonly uses: ReadonlyMap<string, readonly string[]>;
  /** Digest of the images of each component: tells an upgrade from a repair. */
  readonly releases: Readonly<Record<string, Digest>>;
}

/** Key of `uses`. */
export function usesKey(host: string, owner: string): string {
  return `${host}/${owner}`;
}
