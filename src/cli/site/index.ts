/** Flags of the commands that change a site, and the options that follow from them. */
export * from './site-flags.ts';
