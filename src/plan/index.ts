/**
 * From wish to change, without asking or touching anything: what is wanted (wanted/), compared with what was found and
 * what is recorded (difference.ts), put into an order of steps (order.ts). Start with plan.ts.
 */
export * from './change.ts';
export * from './claims.ts';
export * from './consequences.ts';
export * from './declared.ts';
export * from './plan.ts';
export type * from './plan-step.ts';
export { componentServices } from './wanted/service-document.ts';
export { wantedOn, wantedResources } from './wanted/wanted.ts';
