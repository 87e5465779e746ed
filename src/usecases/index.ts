/**
 * What operators ask for, each a table of contents: look at the site and its hosts (session.ts), plan, ask, apply
 * (apply/). Nothing here may import net, sources or builder: it cannot fetch. Start with install.ts.
 */
export * from './history.ts';
export * from './install.ts';
export * from './reset.ts';
export * from './staged-bundles.ts';
export type { PlannedRun } from './planned-run.ts';
