import type { BundleReader } from '../../bundle/index.ts';
import type { NodeSpec, Topology } from '../../cluster/index.ts';
import type { HostFacts } from '../../host/index.ts';
import type { HostTools } from '../../resources/index.ts';
import type { HostFinding } from '../findings.ts';
import type { HostState } from '../host-state.ts';
import type { TriedWay } from '../ways.ts';

/** One host: its declaration, and the answers that it gave. */
export interface ObservedHost {
  readonly node: NodeSpec;
  readonly facts: HostFacts;
  readonly state: HostState;
  /** Ways to other hosts that were tried, with their outcomes. */
  readonly ways: readonly TriedWay[];
  /** False for a seed that is not a node of the cluster and only serves the bundle. */
  readonly isNode: boolean;
  readonly isSeed: boolean;
}

export interface HostsToCheck {
  readonly topology: Topology;
  /** The bundle to install. */
  readonly bundle: Pick<BundleReader, 'manifest' | 'bundleDigest' | 'size' | 'entry'>;
  /** The bundles to store on the seed: `bundle` and, for a delta, its bases. */
  readonly bundles: readonly HostsToCheck['bundle'][];
  readonly tools: HostTools;
  readonly hosts: readonly ObservedHost[];
}

/** A finding about the host that is being judged. */
export type Finding = Omit<HostFinding, 'host'>;

/** Judges one aspect of one host by its answers. Pure: runs no command. */
export type Check = (observed: ObservedHost, input: HostsToCheck) => readonly Finding[];

export function finding(problem: string, remedy: string): readonly Finding[] {
  return [{ problem, remedy }];
}
