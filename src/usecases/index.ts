/**
 * Operations of an operator, each as a short list of calls: open a session with the site and its hosts (session.ts),
 * plan, ask for approval, apply (apply/). Code here must not import net, sources or builder, so that it cannot
 * download. Start with install.ts.
 */
export * from './history.ts';
export * from './install.ts';
export * from './reset.ts';
export * from './staged-bundles.ts';
export type { PlannedRun } from './planned-run.ts';
