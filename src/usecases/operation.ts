import type { Topology } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import type { Plan } from '../plan/index.ts';
import { SiteConflictError, type RecordedOperation, type SeedLayout, type SiteConflict } from '../site/index.ts';
import type { RegistryFiller } from './cluster-registry.ts';
import { downConflicts } from './down-nodes.ts';
import { withInstallLock } from './install-lock.ts';
import { leftCertificates } from './left-certificates.ts';
import { changesNothing, planRun, type PlannedRun } from './planned-run.ts';
import { moveNotes } from './moved-components.ts';
import { replacementConflicts, replacementNotes } from './replaced-hosts.ts';
import { majorityConflicts, memberConflicts, memberNotes } from './replaced-members.ts';
import { runPlan } from './run-plan.ts';
import { onlineNotes } from './online-source.ts';
import { layoutOf, withSession, type Session, type SessionOptions } from './session.ts';

export interface OperationOptions extends SessionOptions {
  /** True when data of owners that go are removed, too. */
  readonly purge?: boolean;
  /** Fills the registry that the platform runs for its cluster. Without it no plan has such a step. */
  readonly registryFiller?: RegistryFiller | undefined;
}

/** Asks for approval of a plan before anything is changed. When it returns false, the run ends there. */
export type Approve = (planned: PlannedRun) => Promise<boolean>;

/** Paths of files that were made for a run before its first change. */
export type Prepared = Pick<RecordedOperation, 'backup'>;

/** One verb of an operator. All verbs share session, plan, approval and run; an Operation has what differs. */
export interface Operation {
  /** Name in the record and the journal. */
  readonly name:
    | 'install'
    | 'upgrade'
    | 'rollback'
    | 'reset'
    | 'node'
    | 'adopt'
    | 'renew certificates'
    | 'rotate authority'
    | 'change secret'
    | 'option'
    | 'component';
  /** Checks the site before the plan is made. Throws when the operation must not begin. */
  readonly check?: (session: Session, options: OperationOptions) => Promise<void>;
  /** True for a return to earlier releases, which runs no before-upgrade action. */
  readonly goesBack?: boolean;
  /** True for an operation after which the site is gone. */
  readonly isLast?: boolean;
  /** Returns the topology to plan for. The session's topology by default. */
  readonly topology?: (session: Session) => Topology;
  /** Returns lines that are shown with the plan, after changes and consequences. */
  readonly notes?: (session: Session, options: OperationOptions, plan: Plan) => readonly string[] | Promise<readonly string[]>;
  /** Called after the approval, before the first change. */
  readonly approved?: (session: Session) => Promise<void>;
  /**
   * Called after the approval, before the first change, unless the plan changes nothing. Its result is recorded with the
   * run.
   */
  readonly prepare?: (session: Session, options: OperationOptions) => Promise<Prepared>;
  /** Called after a run that ended well. */
  readonly ended?: (layout: SeedLayout, options: OperationOptions) => Promise<void>;
}

/** Plans an operation and changes nothing. Throws as the operation does before its first change. */
export async function planOperation(options: OperationOptions, operation: Operation): Promise<PlannedRun> {
  return withSession(options, operation, (session) => planned(session, options, operation));
}

/**
 * Plans an operation, asks, and carries it out. Throws what withSession and the checks of the operation throw,
 * StepsFailedError when steps failed, INSTALL_LOCKED when another run is under way, INTERRUPTED when it is not approved.
 */
export async function runOperation(options: OperationOptions, operation: Operation, approve: Approve): Promise<RunSummary> {
  const layout = layoutOf(options);
  return withInstallLock(layout, async () => {
    return withSession(options, operation, async (session) => {
      const run = await planned(session, options, operation);
      if (!(await approve(run))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was changed');
      await operation.approved?.(session);
      const prepared = changesNothing(run.plan) ? undefined : await operation.prepare?.(session, options);
      const summary = await runPlan(run, { ...options, operation: operation.name, prepared });
      await operation.ended?.(layout, options);
      return summary;
    });
  });
}

async function planned(
  session: Session,
  options: OperationOptions,
  { name, check, topology, goesBack, isLast, notes }: Operation,
): Promise<PlannedRun> {
  // A lost seed is replaced whatever is down: only a site with a seed can bring a node up again.
  if (name !== 'adopt') refuse(downConflicts(session.record, session.hosts.keys()));
  const lost = replacementConflicts(session.replaced, options.purge === true);
  refuse(isLast === true ? lost : [...lost, ...(await memberConflicts(session, options.signal))]);
  await check?.(session, options);
  const fills = options.registryFiller !== undefined && isLast !== true;
  const run = await planRun(session, { ...options, goesBack, fills }, topology?.(session));
  if (isLast !== true) refuse(majorityConflicts(session, run.plan));
  return {
    ...run,
    notes: [
      ...run.notes,
      ...onlineNotes(session),
      ...replacementNotes(session.replaced),
      ...(isLast === true ? [] : [...memberNotes(session), ...moveNotes(session.record, session.topology)]),
      ...leftCertificates(session),
      ...((await notes?.(session, options, run.plan)) ?? []),
    ],
  };
}

function refuse(conflicts: readonly SiteConflict[]): void {
  if (conflicts.length > 0) throw new SiteConflictError(conflicts);
}
