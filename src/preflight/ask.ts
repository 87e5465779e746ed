import type { NodeSpec, Topology } from '../cluster/index.ts';
import type { Clock } from '../core/index.ts';
import { gatherFacts, type Host } from '../host/index.ts';
import { seedLayout } from '../site/index.ts';
import { readHostState } from './host-state.ts';
import { CHECKED_PATHS } from './judge/disk.ts';
import type { ObservedHost } from './judge/finding.ts';

export interface HostToAsk {
  readonly host: Host;
  readonly node: NodeSpec;
  /** False for a seed beside the cluster. */
  readonly isNode: boolean;
  readonly isSeed: boolean;
}

export interface AskOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Asks one host for everything that the checks look at. Changes nothing. */
export async function askHost({ host, node, isNode, isSeed }: HostToAsk, topology: Topology, options: AskOptions): Promise<ObservedHost> {
  const { clock, signal } = options;
  const places = { definitions: topology.platform.definitionsDirectory, bundles: seedLayout().bundles };
  const facts = await gatherFacts(host, { clock, paths: CHECKED_PATHS, signal });
  return { node, facts, state: await readHostState(host, places, signal), isNode, isSeed };
}
