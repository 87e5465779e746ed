/**
 * Runs the steps of a plan in the order of their needs: one change at a time on each host, waits in parallel to them.
 * Code here does not know the content of a step. The journal records every run and is never asked whether a step is done:
 * each step asks its host. Start with step.ts.
 */
export * from './journal.ts';
export * from './limits.ts';
export * from './read-journal.ts';
export * from './run-steps.ts';
export * from './step.ts';
export * from './steps-failed-error.ts';
