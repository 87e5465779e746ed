import { hostOfChange, isIdle, isMaking, ownerOfChange, type Change, type Consequence, type PlanStep } from '../../plan/index.ts';
import { formatTable } from '../../ui/index.ts';
import { acceptanceNotes, type PlannedRun } from '../../usecases/index.ts';
import { ask } from '../ask.ts';
import type { CommandContext } from '../command.ts';
import { describePackages, packageData } from './describe-packages.ts';

/** Prints a plan: every change with its reason, its consequences, and the steps in their order. */
export function printPlan(planned: PlannedRun, context: CommandContext): void {
  context.print({ text: describePlan(planned), data: planData(planned) });
}

/** The text of a plan: its changes, consequences, steps and counts. */
export function describePlan(planned: PlannedRun): string {
  const open = stepsThatChange(planned.plan.steps);
  const steps = open.length === 0 ? '' : formatTable(['HOST', 'PHASE', 'STEP'], open.map(rowOf));
  return [describeChanges(planned), steps, describeCount(planned)].filter((part) => part !== '').join('\n\n');
}

/**
 * Shows the changes of a plan and asks for approval. Returns true without a question when `yes` is set or no step would
 * change anything; with `asksForNotes` only when the plan has no notes, either. Throws USAGE when there is no terminal to ask on.
 */
export async function askForPlan(
  planned: PlannedRun,
  { yes, asksForNotes = false }: { readonly yes: boolean; readonly asksForNotes?: boolean },
  context: CommandContext,
): Promise<boolean> {
  const open = stepsThatChange(planned.plan.steps);
  if (open.length === 0 && !(asksForNotes && planned.notes.length > 0)) return true;
  const hosts = new Set(open.map(({ host }) => host)).size;
  const { name } = planned.session.topology.spec;
  return ask(
    {
      text:
        open.length === 0
          ? `Change this in "${name}", with nothing to do on its hosts?`
          : `Run ${count(open.length, 'step')} on ${count(hosts, 'host')} of "${name}"?`,
      about: describeChanges(planned).split('\n'),
      refusal: {
        message: 'Cannot ask before the first change: the input is not a terminal; nothing was changed',
        hint: 'Read the plan above (--plan prints it with its steps), then run this again with --yes',
      },
    },
    yes,
    context,
  );
}

/** Steps that change hosts or run actions, without waits. */
function stepsThatChange(steps: readonly PlanStep[]): readonly PlanStep[] {
  return steps.filter(({ type }) => ['make', 'remove', 'action', 'record'].includes(type));
}

function rowOf({ host, phase, summary }: PlanStep): readonly string[] {
  return [host, phase, summary];
}

const SIGNS = { add: '+', change: '~', remove: '-' } as const;

/** One line for each change, then the packages that come, the consequences and notes. */
function describeChanges(planned: PlannedRun): string {
  const { plan, consequences } = planned;
  const lines = plan.changes.flatMap((change) => (change.action === 'keep' || isIdle(change) ? [] : [lineOf(change)]));
  const after = consequences.map(describeConsequence);
  return [
    ...lines,
    ...describePackages(planned.packages),
    ...(after.length === 0 ? [] : ['What follows:', ...after.map((line) => `  ${line}`)]),
    ...notesOf(planned),
  ].join('\n');
}

/** The notes of a plan, behind the one on a bundle for which nothing vouches. */
function notesOf({ session, notes }: PlannedRun): readonly string[] {
  return [...acceptanceNotes(session), ...notes];
}

function lineOf(change: Exclude<Change, { readonly action: 'keep' }>): string {
  const { kind, key } = isMaking(change) ? change.resource : change.owned;
  const kept = change.action === 'remove' && change.end !== 'gone' ? ', and stays' : '';
  return `${SIGNS[change.action]} ${hostOfChange(change)}: ${kind} ${key} (${ownerOfChange(change)}): ${change.reason}${kept}`;
}

function describeConsequence({ host, component, what, unserved }: Consequence): string {
  const users = unserved.length === 0 ? '' : `; meanwhile it does not serve ${unserved.join(', ')}`;
  return `${component} on ${host} ${what}${users}`;
}

function describeCount({ plan }: PlannedRun): string {
  const open = stepsThatChange(plan.steps).length;
  if (open === 0) return 'Everything is as declared; nothing would be changed';
  const of = (sort: string): number => plan.changes.filter((change) => sortOf(change) === sort).length;
  const staying = of('stay') === 0 ? '' : `, ${of('stay')} to let go that stay`;
  const resources = `Resources: ${of('add')} to add, ${of('change')} to change, ${of('remove')} to remove${staying}, ${of('keep')} as declared`;
  return `${count(open, 'step')} would run; nothing was changed\n${resources}`;
}

function sortOf(change: Change): Change['action'] | 'stay' {
  if (isIdle(change)) return 'keep';
  return change.action === 'remove' && change.end !== 'gone' ? 'stay' : change.action;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** The plan as data for --json. */
export function planData(planned: PlannedRun): Readonly<Record<string, unknown>> {
  const { plan, consequences, packages } = planned;
  const notes = notesOf(planned);
  const changes = plan.changes
    .filter((change) => !isIdle(change))
    .map((change) => ({
      action: change.action,
      host: hostOfChange(change),
      owner: ownerOfChange(change),
      kind: isMaking(change) ? change.resource.kind : change.action === 'remove' ? change.owned.kind : '',
      key: isMaking(change) ? change.resource.key : change.action === 'remove' ? change.owned.key : '',
      reason: change.action === 'keep' ? '' : change.reason,
    }));
  const steps = plan.steps.map(({ id, type, host, phase, summary, needs }) => ({
    id,
    type,
    host,
    phase,
    summary,
    needs: needs.map((need) => need.id),
  }));
  return { changes, packages: packageData(packages), consequences, notes, steps, open: stepsThatChange(plan.steps).length };
}
