import type { Step, StepContext, StepKind } from '../../engine/index.ts';
import { waitFor } from '../../health/index.ts';
import type { DepotStep, MakeStep, PlanStep, RemoveStep } from '../../plan/index.ts';
import { lookAtResources, makeResources, OWNERS, removeResources, undoResources } from '../../resources/index.ts';
import { actionBehaviour } from './action.ts';
import { depotAnswers } from './depot-answers.ts';
import { fillBehaviour } from './fill.ts';
import { gateBehaviour, quorumBehaviour } from './gate.ts';
import { recordBehaviour } from './host-record.ts';
import { resourceContext, type RunSite } from './run-site.ts';

/**
 * Milliseconds without progress after which the depot counts as failed. Opening a bundle takes the same time for any
 * size.
 */
const DEPOT_START_MS = 30_000;

type Behaviour = Pick<Step, 'isDone' | 'apply' | 'undo'>;

/** Makes one step of the engine for each step of a plan, in the same order. */
export function bindSteps(plan: readonly PlanStep[], run: RunSite): readonly Step[] {
  const bound = new Map<PlanStep, Step>();
  const stepsOf = (steps: readonly PlanStep[]): readonly Step[] => steps.flatMap((step) => bound.get(step) ?? []);
  for (const step of plan) {
    const { id, phase, summary } = step;
    const takesBack: Step[] = [];
    const made: Step = {
      id,
      phase,
      summary,
      kind: kindOf(step),
      host: step.type === 'action' ? step.runner : step.host,
      needs: stepsOf(step.needs),
      uploads: step.type === 'make' && step.owner === OWNERS.seed,
      ...(step.type === 'quorum' ? { follows: stepsOf(step.follows) } : {}),
      takesBack,
      ...forgettingAnswers(step, behaviourOf(step, run), run),
    };
    // Its undo removes all resources of the join, including those that earlier runs made.
    if (step.type === 'gate' && step.joining !== undefined) takesBack.push(made);
    bound.set(step, made);
  }
  return [...bound.values()];
}

function kindOf({ type }: PlanStep): StepKind {
  if (type === 'action') return 'action';
  if (type === 'fill') return 'transfer';
  return type === 'gate' || type === 'quorum' || type === 'depot' ? 'wait' : 'change';
}

function behaviourOf(step: PlanStep, run: RunSite): Behaviour {
  switch (step.type) {
    case 'make':
      return makeBehaviour(step, run);
    case 'remove':
      return removeBehaviour(step, run);
    case 'gate':
      return gateBehaviour(run, step);
    case 'quorum':
      return quorumBehaviour(run, step);
    case 'action':
      return actionBehaviour(run, step);
    case 'fill':
      return fillBehaviour(run, step);
    case 'depot':
      return depotBehaviour(step, run);
    case 'record':
      return recordBehaviour(run, step);
    case 'in-force':
      return inForceBehaviour(run);
  }
}

/** Drops the agent's last answer after a change of its host. */
function forgettingAnswers(step: PlanStep, behaviour: Behaviour, run: RunSite): Behaviour {
  if (step.type !== 'make' && step.type !== 'remove') return behaviour;
  return {
    ...behaviour,
    apply: async (context) => {
      try {
        await behaviour.apply(context);
      } finally {
        run.agents.forget(step.host);
      }
    },
  };
}

function makeBehaviour({ host: name, makings }: MakeStep, run: RunSite): Behaviour {
  const host = run.hostOf(name);
  const resources = makings.map(({ resource }) => resource);
  const starts = makings.some(({ resource }) => ['unit', 'definition', 'package'].includes(resource.kind));
  return {
    isDone: async (context) => {
      const found = await lookAtResources(host, resources, resourceContext(run, name, context));
      return [...found.values()].every(({ state }) => state === 'same');
    },
    apply: async (context) => {
      await makeResources(host, makings, resourceContext(run, name, context));
      if (starts) await run.restarts.note(host, context.signal);
    },
    undo: async (context) => {
      const own = resourceContext(run, name, context);
      await undoResources(
        host,
        makings.filter(({ action }) => action === 'change'),
        own,
      );
      const added = makings.filter(({ action }) => action === 'add').map(({ owned }) => owned);
      await removeResources(host, added, own, { purge: true });
    },
  };
}

/**
 * `isDone` is always false: hosts do not tell whether a killed run has removed everything, so the removal is repeated.
 */
function removeBehaviour({ host: name, removals }: RemoveStep, run: RunSite): Behaviour {
  const host = run.hostOf(name);
  // A directory of data that was there before is not ours to remove, even when it is empty.
  const owned = removals.filter(({ end, owned: one }) => end !== 'left' && one.before !== 'same').map((removal) => removal.owned);
  return {
    isDone: async () => false,
    apply: (context) => removeResources(host, owned, resourceContext(run, name, context), { purge: run.purge }),
  };
}

function inForceBehaviour({ site, declared, inForce }: RunSite): Behaviour {
  return {
    isDone: async () => site.record.bundle?.digest === declared.supply.bundle.bundleDigest,
    apply: () => site.update(inForce),
  };
}

function depotBehaviour(_step: DepotStep, { declared }: RunSite): Behaviour {
  const condition = depotAnswers(declared);
  return {
    isDone: async ({ signal }) => (await condition.look(signal)).met,
    apply: ({ signal, emit }: StepContext) =>
      waitFor(condition, {
        intervalMs: 200,
        noProgressMs: DEPOT_START_MS,
        signal,
        // Every start takes a moment, so notes about the wait are left out.
        emit: (event) => {
          if (event.type !== 'note') emit(event);
        },
      }),
  };
}
