/** The memory and the secrets of a site, and their places: paths of files, units and ports on its hosts, names of bundles on the seed, how its machines are reached. */
export * from './bundle-members.ts';
export * from './layout.ts';
export * from './machines.ts';
export * from './conflicts.ts';
export * from './rebuild-record.ts';
export * from './record.ts';
export * from './site-store.ts';
export * from './kept-text.ts';
export * from './secret-store.ts';
export * from './site-keys.ts';
