/**
 * Makes the plan of a run. Code here calls no host and changes nothing: wanted/ lists the resources that a cluster
 * wants, difference.ts compares them with the hosts and the record, order.ts puts the changes into steps. Start with
 * plan.ts.
 */
export * from './change.ts';
export * from './claims.ts';
export * from './consequences.ts';
export * from './declared.ts';
export * from './plan.ts';
export type * from './plan-step.ts';
export { lostMajorities, majorityOf } from './majorities.ts';
export { formerMembers, isStarted, type FormerMember } from './recorded-site.ts';
export { loginKeyResource } from './wanted/make.ts';
export { repositoryFor } from './wanted/repository-for.ts';
export { componentServices } from './wanted/service-document.ts';
export { wantedOn, wantedResources } from './wanted/wanted.ts';
