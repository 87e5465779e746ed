/**
 * The texts in which the program tells of all its commands, made from the definition of its commands alone: completion scripts for shells. Start with
 * describe-program.ts. Only the commands that print these load this folder.
 */
export * from './bash-completion.ts';
export * from './describe-program.ts';
export * from './fish-completion.ts';
export * from './zsh-completion.ts';
