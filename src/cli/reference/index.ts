/**
 * The texts in which the program tells of all its commands, made from the definition of its commands alone: completion scripts for shells, pages of
 * the manual, and the end of each help. Start with describe-program.ts. Only a command line that prints one of these loads this folder.
 */
export * from './bash-completion.ts';
export * from './describe-program.ts';
export * from './examples.ts';
export * from './fish-completion.ts';
export * from './help-end.ts';
export * from './man-page.ts';
export * from './zsh-completion.ts';
