/**
 * The use case "build a bundle": inputs and the network become a lock, the lock becomes the list of members, the members
 * are brought to their places. Start with build-bundle.ts; lock.ts and plan.ts need no network.
 */
export * from './build-bundle.ts';
export { sourceDate } from './content-date.ts';
export type { Missing } from './demand-fill.ts';
export { formatLock, parseLock, readLock, type BundleLock } from './lock.ts';
export type { LockChange } from './lock-changes.ts';
export { lintInputs } from './lint-inputs.ts';
export * from './locked-plan.ts';
export { parseMirrors, type Mirrors } from './mirrors.ts';
export * from './online-bundle.ts';
export * from './plan-report.ts';
export * from './rebuild.ts';
export * from './upstream-settings.ts';
export { connectUpstream, type Upstream } from './upstream.ts';
