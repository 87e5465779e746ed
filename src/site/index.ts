/**
 * A site: its record, keys and secrets on the seed; the paths, units and ports on its hosts; the names of bundles on the
 * seed; the connections to its machines. What is wanted on hosts is decided in plan/. Start with record.ts.
 */
export * from './authority-generations.ts';
export * from './bundle-members.ts';
export * from './last-run.ts';
export * from './layout.ts';
export * from './machines.ts';
export * from './conflicts.ts';
export * from './rebuild-record.ts';
export * from './record.ts';
export * from './site-store.ts';
export * from './kept-text.ts';
export * from './secret-store.ts';
export * from './site-keys.ts';
export * from './list-certificates.ts';
