import type { Placement } from '../cluster/index.ts';
import type { ComponentAction } from '../manifests/index.ts';
import type { OwnedResource } from '../site/index.ts';
import type { Making, Removal } from './change.ts';

/** What every step of a plan says, whatever it does. Pure data: the use case makes steps of the engine from it. */
interface StepHead {
  /** phase/host/what, for people; steps refer to each other as objects. */
  readonly id: string;
  readonly phase: string;
  readonly host: string;
  readonly summary: string;
  readonly needs: readonly PlanStep[];
}

/** Makes things of one owner on one host as wanted. */
export interface MakeStep extends StepHead {
  readonly type: 'make';
  readonly owner: string;
  readonly makings: readonly Making[];
  /** Components on the host that stop serving for a while. */
  readonly restarts: readonly string[];
}

/** Removes things of one owner from one host. */
export interface RemoveStep extends StepHead {
  readonly type: 'remove';
  readonly owner: string;
  readonly removals: readonly Removal[];
}

/** Waits until a component is healthy on a host; after restarts, by what is seen after them. */
export interface GateStep extends StepHead {
  readonly type: 'gate';
  readonly placement: Placement;
  /** Steps after which the component must have been seen. */
  readonly after: readonly PlanStep[];
  /** The component becomes a member of its quorum with this gate; how its join is taken back when it does not get healthy. */
  readonly joining?: Joining;
}

/** The parts of a quorum on a host that joins it, whichever run brought them there. */
export interface Joining {
  /** Actions that take the member out again. */
  readonly leave: readonly { readonly action: ComponentAction; readonly runner: string }[];
  /** Definitions and units that run there, and directories of data. */
  readonly owned: readonly OwnedResource[];
}

/** Waits until enough placements of a component are healthy. */
export interface QuorumStep extends StepHead {
  readonly type: 'quorum';
  /** Starts of them: its patience begins when all have ended, well or not. */
  readonly follows: readonly PlanStep[];
  readonly placements: readonly Placement[];
  readonly count: number;
}

/** Runs an action of the platform for a component on `host`, on another host where it says so. */
export interface ActionStep extends StepHead {
  readonly type: 'action';
  readonly placement: Placement;
  readonly action: ComponentAction;
  /** Host that it runs on. */
  readonly runner: string;
}

/** Waits until the depot serves the bundle. */
export interface DepotStep extends StepHead {
  readonly type: 'depot';
}

/** Writes what a host keeps of its site: before its first change, and after its last. */
export interface RecordStep extends StepHead {
  readonly type: 'record';
  readonly what: 'claim' | 'settle' | 'release';
}

export type PlanStep = MakeStep | RemoveStep | GateStep | QuorumStep | ActionStep | DepotStep | RecordStep;
