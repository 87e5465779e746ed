/** Shared by the commands that change a site: their flags, and how they plan, ask, run and report. */
export * from './site-command.ts';
export * from './site-flags.ts';
