/**
 * Runs steps: in the order of their needs, one change at a time on each host, waits beside them. Knows nothing of what a
 * step does. The journal tells the story of every run; the hosts are always asked for what they have. Start with step.ts.
 */
export * from './journal.ts';
export * from './limits.ts';
export * from './read-journal.ts';
export * from './run-steps.ts';
export * from './step.ts';
export * from './steps-failed-error.ts';
