import type { Clock, Digest } from '../../core/index.ts';
import type { Host } from '../../host/index.ts';
import type { StepContext } from '../../engine/index.ts';
import { toolsOn, type ClusterRegistry, type Declared } from '../../plan/index.ts';
import type { ResourceContext } from '../../resources/index.ts';
import type { OwnedResource, SiteRecord } from '../../site/index.ts';
import type { AgentStatuses } from './agent-statuses.ts';
import type { RestartTimes } from './restart-times.ts';
import type { SiteWriter } from './site-writer.ts';

/** How a run fills the registry of the cluster with the images of its bundle. */
export interface RegistryOfRun {
  readonly bundle: Digest;
  /** True when all is there. Changes nothing. */
  isFilled(registry: ClusterRegistry, context: StepContext): Promise<boolean>;
  fill(registry: ClusterRegistry, context: StepContext): Promise<void>;
}

/** Everything that the steps of one run share. */
export interface RunSite {
  readonly declared: Declared;
  readonly clock: Clock;
  readonly agents: AgentStatuses;
  readonly restarts: RestartTimes;
  readonly site: SiteWriter;
  /** Resources for the record of a host after a run that succeeded, with all digests. */
  readonly settledOn: (host: string) => Promise<readonly OwnedResource[]>;
  /** Release of each component, as in Wanted. */
  readonly releases: Readonly<Record<string, Digest>>;
  /** The record once the bundle of the run is in force. */
  readonly inForce: (record: SiteRecord) => SiteRecord;
  /** Fills the registry of the cluster; undefined where the run cannot. */
  readonly registry?: RegistryOfRun | undefined;
  /** True when data of owners that go are removed, too. */
  readonly purge: boolean;
  /** Throws a plain Error for a host that is not connected. */
  hostOf(name: string): Host;
}

export function resourceContext({ declared, clock }: RunSite, host: string, { signal, emit }: StepContext): ResourceContext {
  return { ...toolsOn(declared, host), clock, signal, emit };
}
