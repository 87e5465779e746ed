/** Commands and flags. program.ts parses the command line and reports errors; each file in commands/ is one command. */
export * from './process.ts';
export * from './process-name.ts';
export * from './program-name.ts';
export * from './program.ts';
export { OutputLostError } from './output-lost-error.ts';
