import type { BundleReader } from '../bundle/index.ts';
import type { Topology } from '../cluster/index.ts';
import type { Digest } from '../core/index.ts';
import type { OperatingSystem } from '../manifests/index.ts';
import type { PackageFormatName } from '../ospkg/index.ts';
import type { HostTools, Resource, ResourceContext, SiteTools } from '../resources/index.ts';
import type { SeedLayout, SiteKeys } from '../site/index.ts';

/** Address under which the seed serves the bundle. */
export interface DepotAddress {
  /** DNS name that every node gets in /etc/hosts. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** HOST:PORT, as container engines name a registry. */
export function depotAuthority(depot: DepotAddress): string {
  return `${depot.name}:${depot.port}`;
}

export function depotUrl(depot: DepotAddress): string {
  return `https://${depotAuthority(depot)}`;
}

/** One bundle in the directory of bundles on the seed. */
export interface StagedBundleFile {
  readonly path: string;
  readonly digest: Digest;
  /** Digest of the bundle that was installed: this one, or a delta that needs it. */
  readonly of: Digest;
  /**
   * False for a bundle of the previous install, which stays on the seed for a return to it and is not served by the
   * depot.
   */
  readonly isServed: boolean;
  /** Bytes; undefined for a bundle of the previous install. */
  readonly size: number | undefined;
  readonly isPlaced: () => Promise<boolean>;
  readonly place: (context: ResourceContext) => Promise<void>;
}

/** Sources of all content: the bundle, its copies on the seed, and the depot that serves it. */
export interface Supply {
  /** The bundle to install. */
  readonly bundle: Pick<BundleReader, 'manifest' | 'bundleDigest' | 'entry' | 'open' | 'read'>;
  /** Every bundle that the seed keeps, including those of the previous install. */
  readonly staged: readonly StagedBundleFile[];
  /** Bundles of the previous install of which a host has copies. They stay there for as long as they stay on the seed. */
  readonly keptOn: (host: string) => readonly StagedBundleFile[];
  readonly depot: DepotAddress;
  /** Set when the depot fetches the members of the bundle from upstream. */
  readonly online?: OnlineSupply | undefined;
}

/** A bundle that the depot fills. */
export interface OnlineSupply {
  /** Text of the settings with which the depot reaches upstream. A secret. */
  readonly upstream: string;
}

/** Facts that preflight found, by name of the host. */
export interface Observed {
  readonly systems: ReadonlyMap<string, OperatingSystem>;
  /** CPU architecture of every node and of the seed, as image platforms name it (amd64). */
  readonly architectures: ReadonlyMap<string, string>;
  /** Formats of the packages of hosts that leave the cluster, as the record says. Their operating systems are not asked for. */
  readonly leaving: ReadonlyMap<string, PackageFormatName>;
}

/** The machine that serves the bundle and keeps keys and secrets. */
export interface Seed {
  readonly name: string;
  readonly layout: SeedLayout;
  readonly keys: SiteKeys;
}

/**
 * Everything that decides which resources are wanted: the cluster with its manifests, the bundle, the facts of the
 * hosts, the keys of the site.
 */
export interface Declared {
  readonly topology: Topology;
  readonly supply: Supply;
  readonly observed: Observed;
  readonly seed: Seed;
  readonly tools: SiteTools;
}

/** The tools of one host. Its operating system says which; the record does, for a host that leaves. */
export function toolsOn({ tools, observed }: Pick<Declared, 'tools' | 'observed'>, host: string): HostTools {
  return tools.on(observed.systems.get(host)?.packages ?? observed.leaving.get(host));
}

/** All wanted resources, and which of them each component uses. */
export interface Wanted {
  /** Contains no two resources of the same kind and key on one host. */
  readonly resources: readonly Resource[];
  /**
   * Ids of all resources that an owner uses on a host, by usesKey. Contains those that belong to another owner of the
   * host, too.
   */
  readonly uses: ReadonlyMap<string, readonly string[]>;
  /** Digest of the images of each component. An upgrade changes it, a repair does not. */
  readonly releases: Readonly<Record<string, Digest>>;
}

/** Returns the key of an owner on a host in `Wanted.uses`. */
export function usesKey(host: string, owner: string): string {
  return `${host}/${owner}`;
}
