/** Shared by the commands that supply a bundle from its lock: their flags, and the opening of upstream. */
export * from './lock-flags.ts';
export * from './open-online.ts';
export * from './supply-of-flags.ts';
export * from './upstream-flags.ts';
