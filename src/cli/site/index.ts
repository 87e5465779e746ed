/** Flags of commands that change a site, and the options that are made from them for src/usecases. */
export * from './site-flags.ts';
