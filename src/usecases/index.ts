/**
 * What operators ask for, each a table of contents: look at the site and its hosts (session.ts), plan, ask, apply
 * (apply/). Nothing here may import net, sources or builder: it cannot fetch. Start with operation.ts.
 */
export * from './history.ts';
export * from './install.ts';
export * from './reset.ts';
export * from './rollback.ts';
export * from './staged-bundles.ts';
export * from './upgrade.ts';
export type { Approve, OperationOptions } from './operation.ts';
export type { SiteSources } from './site-sources.ts';
export type { PlannedRun } from './planned-run.ts';
