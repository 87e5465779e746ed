/** Commands and flags. program.ts is the frame; each file in commands/ is one command. */
export * from './process.ts';
export * from './program.ts';
export { OutputLostError } from './output-lost-error.ts';
