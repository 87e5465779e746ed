/** How a plan is shown before it runs, and asked for. */
export * from './print-plan.ts';
