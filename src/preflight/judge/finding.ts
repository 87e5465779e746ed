import type { BundleReader } from '../../bundle/index.ts';
import type { NodeSpec, Topology } from '../../cluster/index.ts';
import type { HostFacts } from '../../host/index.ts';
import type { HostFinding } from '../findings.ts';
import type { HostState } from '../host-state.ts';
import type { TriedWay } from '../ways.ts';

/** One host, as it was declared and as it was found. */
export interface ObservedHost {
  readonly node: NodeSpec;
  readonly facts: HostFacts;
  readonly state: HostState;
  /** Ways to other hosts, as far as they were tried. */
  readonly ways: readonly TriedWay[];
  /** False for a seed beside the cluster, which only serves the bundle. */
  readonly isNode: boolean;
  readonly isSeed: boolean;
}

export interface HostsToCheck {
  readonly topology: Topology;
  /** What is installed. */
  readonly bundle: Pick<BundleReader, 'manifest' | 'bundleDigest' | 'size' | 'entry'>;
  /** What is kept on the seed. */
  readonly bundles: readonly HostsToCheck['bundle'][];
  readonly hosts: readonly ObservedHost[];
}

/** A finding of the host that is being judged. */
export type Finding = Omit<HostFinding, 'host'>;

/** One question about one host. Pure: looks at what was observed, asks nothing. */
export type Check = (observed: ObservedHost, input: HostsToCheck) => readonly Finding[];

export function finding(problem: string, remedy: string): readonly Finding[] {
  return [{ problem, remedy }];
}
