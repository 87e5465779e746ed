/**
 * Pure values that every folder shares: digests, errors, events, time, platforms, sizes, ordering. No I/O, nothing of
 * ours imported. Start with errors.ts.
 */
export * from './agent-port.ts';
export * from './clock.ts';
export * from './digest.ts';
export * from './error-codes.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './exit-statuses.ts';
export * from './graph.ts';
export * from './health-model.ts';
export * from './organizations.ts';
export * from './platform.ts';
export * from './redact.ts';
export * from './size.ts';
export * from './text.ts';
