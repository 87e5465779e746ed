import type { RunSummary } from '../../engine/index.ts';
import type { Approve, OperationOptions, PlannedRun } from '../../usecases/index.ts';
import type { CommandContext } from '../command.ts';
import { askForPlan, printPlan } from '../plan/index.ts';
import { siteOptions, type SiteFlags } from './site-flags.ts';

/** A verb of operators: how it is planned, and how it is carried out once the plan is approved. */
export interface SiteVerb {
  readonly plan: (options: OperationOptions) => Promise<PlannedRun>;
  readonly run: (options: OperationOptions, approve: Approve) => Promise<RunSummary>;
  /** True for a verb that changes something of the site besides its hosts: it asks where the plan has notes and no steps, too. */
  readonly asksForNotes?: boolean;
  /** Text of the result. */
  readonly describe?: (summary: RunSummary, seconds: number) => string;
}

/** Prints the plan of a verb with --plan; otherwise shows the plan, asks, carries it out and prints how it ended. */
export async function runSiteVerb(
  { plan, run, asksForNotes = false, describe = describeSummary }: SiteVerb,
  flags: SiteFlags,
  context: CommandContext,
  more: Pick<OperationOptions, 'supply'> = {},
): Promise<void> {
  const options = { ...siteOptions(flags, context), ...more };
  if (flags.plan === true) {
    printPlan(await plan(options), context);
    return;
  }
  const started = context.clock.monotonic();
  const summary = await run(options, (planned) => askForPlan(planned, { yes: flags.yes === true, asksForNotes }, context));
  const seconds = Math.round((context.clock.monotonic() - started) / 1000);
  context.print({ text: describe(summary, seconds), data: { ...summary, seconds } });
}

function describeSummary({ changed, steps }: RunSummary, seconds: number): string {
  return changed === 0
    ? `Everything was as declared; nothing was changed (${seconds} s)`
    : `Done: ${changed} of ${steps} steps changed something (${seconds} s)\nLook at the cluster with: caisson cluster`;
}
