import type { BundleReader } from '../../bundle/index.ts';
import type { NodeSpec, Topology } from '../../cluster/index.ts';
import type { Digest } from '../../core/index.ts';
import type { HostFacts } from '../../host/index.ts';
import type { SiteTools } from '../../resources/index.ts';
import type { SiteRecord } from '../../site/index.ts';
import type { HostFinding } from '../findings.ts';
import type { HostState } from '../host-state.ts';
import type { TriedWay } from '../ways.ts';
import type { MeasuredWrites } from '../writes.ts';

/** One host: its declaration, and the answers that it gave. */
export interface ObservedHost {
  readonly node: NodeSpec;
  readonly facts: HostFacts;
  readonly state: HostState;
  /** Ways to other hosts that were tried, with their outcomes. */
  readonly ways: readonly TriedWay[];
  /** Ids of the images that the host has of its components, by name. Undefined unless the run changes the bundle. */
  readonly images?: ReadonlyMap<string, string> | undefined;
  /** How fast the host writes to its disk, for each component that asks for it and is not installed. */
  readonly writes: readonly MeasuredWrites[];
  /** False for a seed that is not a node of the cluster and only serves the bundle. */
  readonly isNode: boolean;
  readonly isSeed: boolean;
}

/** Bytes that are there already of a run that installs another bundle than the one in force, and bytes that are not. */
export interface BundleChange {
  /** Digests of the image layers that each host has of the bundle in force. Undefined when that bundle cannot be read. */
  readonly layers: ReadonlyMap<string, ReadonlySet<Digest>> | undefined;
  /** Digests of the packages of the bundle in force. Undefined when that bundle cannot be read. */
  readonly packages: ReadonlySet<Digest> | undefined;
  /** Bytes that the depot has yet to fetch of a bundle that was begun on the seed. */
  readonly toFetch: number;
}

export interface HostsToCheck {
  readonly topology: Topology;
  /** The bundle to install. */
  readonly bundle: Pick<BundleReader, 'manifest' | 'bundleDigest' | 'size' | 'entry'>;
  /** The bundles to store on the seed: `bundle` and, for a delta, its bases. */
  readonly bundles: readonly HostsToCheck['bundle'][];
  /** Undefined for a run that changes no bundle. */
  readonly change?: BundleChange | undefined;
  readonly tools: SiteTools;
  /** The record of the site; undefined before its first run. */
  readonly record?: Pick<SiteRecord, 'hosts'> | undefined;
  readonly hosts: readonly ObservedHost[];
}

/** A finding about the host that is being judged. */
export type Finding = Omit<HostFinding, 'host'>;

/** Judges one aspect of one host by its answers. Pure: runs no command. */
export type Check = (observed: ObservedHost, input: HostsToCheck) => readonly Finding[];

/** A finding that is told and ends no run. */
export function warning(problem: string, remedy: string): readonly Finding[] {
  return [{ problem, remedy, isWarning: true }];
}

export function finding(problem: string, remedy: string): readonly Finding[] {
  return [{ problem, remedy }];
}
