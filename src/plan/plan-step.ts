import type { Placement } from '../cluster/index.ts';
import type { ComponentAction } from '../manifests/index.ts';
import type { OwnedResource } from '../site/index.ts';
import type { Making, Removal } from './change.ts';

/** Fields of every step. Pure data: bindSteps makes the steps of the engine from it. */
interface StepHead {
  /** PHASE/HOST/NAME, unique in the plan. Shown in messages; steps refer to each other as objects. */
  readonly id: string;
  readonly phase: string;
  readonly host: string;
  readonly summary: string;
  readonly needs: readonly PlanStep[];
}

/** Makes or changes resources of one owner on one host. */
export interface MakeStep extends StepHead {
  readonly type: 'make';
  readonly owner: string;
  readonly makings: readonly Making[];
  /** Components on the host that stop serving while the step runs. */
  readonly restarts: readonly string[];
}

/** Removes resources of one owner from one host. */
export interface RemoveStep extends StepHead {
  readonly type: 'remove';
  readonly owner: string;
  readonly removals: readonly Removal[];
}

/** Waits until a component is healthy on a host. After a restart, only probes since the restart count. */
export interface GateStep extends StepHead {
  readonly type: 'gate';
  readonly placement: Placement;
  /** Steps that may restart the component: only probes after these count. */
  readonly after: readonly PlanStep[];
  /**
   * Set when the component becomes a member of its quorum with this gate. Says how to take the join back when the
   * component does not get healthy.
   */
  readonly joining?: Joining;
}

/** Everything that takes the join of a quorum member back, even when an earlier run began the join. */
export interface Joining {
  /** Actions that remove the member from the quorum, with the host that runs each. */
  readonly leave: readonly { readonly action: ComponentAction; readonly runner: string }[];
  /** The member's service definitions, units and data directories on the host. */
  readonly owned: readonly OwnedResource[];
}

/** Waits until enough placements of a component are healthy. */
export interface QuorumStep extends StepHead {
  readonly type: 'quorum';
  /** Steps that start the placements. The wait begins when all of them have ended, whether they succeed or fail. */
  readonly follows: readonly PlanStep[];
  readonly placements: readonly Placement[];
  readonly count: number;
}

/** Runs an action of the platform for a component on `host`. */
export interface ActionStep extends StepHead {
  readonly type: 'action';
  readonly placement: Placement;
  readonly action: ComponentAction;
  /** Name of the host that runs the action. */
  readonly runner: string;
  /** True for the last action for a former machine of the host, at the address of the placement: the record then lets it go. */
  readonly letsGo?: boolean;
}

/** Puts the images of the bundle into the cluster's own registry. */
export interface FillStep extends StepHead {
  readonly type: 'fill';
  readonly registry: ClusterRegistry;
}

/** The registry that a platform runs for its cluster. */
export interface ClusterRegistry {
  /** DNS name, and port unless 443. */
  readonly name: string;
  /** Address of a host that answers for that name. */
  readonly address: string;
  /** Hosts on which the registry runs. */
  readonly hosts: readonly string[];
}

/** Waits until the depot serves the bundle. */
export interface DepotStep extends StepHead {
  readonly type: 'depot';
}

/**
 * Writes the record that a host keeps. `claim` comes before the first change on the host, `settle` after the last;
 * `release` removes it.
 */
export interface RecordStep extends StepHead {
  readonly type: 'record';
  readonly what: 'claim' | 'settle' | 'release';
}

/**
 * Notes in the record of the site that the bundle of the run is in force. Comes before bundles are removed: a run that is
 * killed between them leaves a record whose bundles are there.
 */
export interface InForceStep extends StepHead {
  readonly type: 'in-force';
}

export type PlanStep = MakeStep | RemoveStep | GateStep | QuorumStep | ActionStep | FillStep | DepotStep | RecordStep | InForceStep;
