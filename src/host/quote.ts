import type { Command } from './command.ts';

/** Characters that no POSIX shell treats specially, wherever in a word they stand. */
const PLAIN = /^[A-Za-z0-9_/.,:@%+-]+$/;

const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * One word of a POSIX shell (POSIX.1-2017 XCU 2.2.2): the text in single quotes unless it needs none. A NUL cannot be
 * passed to any program and is a bug of the caller.
 */
export function quoteWord(text: string): string {
  if (text.includes('\0')) throw new Error('a command argument contains NUL');
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A shell command line of an argument list. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ');
}

/** The argument list with its environment in front, as `env` takes it. Throws a plain Error for a list that cannot be run. */
export function withEnvironment({ argv, env = {} }: Command): readonly string[] {
  const [program] = argv;
  if (program === undefined || program === '') throw new Error('a command has no program');
  const entries = Object.entries(env);
  if (entries.length === 0) return argv;
  // env(1) would take such a program for one more variable.
  if (program.includes('=')) throw new Error(`the program "${program}" contains an equals sign`);
  for (const [name] of entries) {
    if (!ENVIRONMENT_NAME.test(name)) throw new Error(`"${name}" is not a name of an environment variable`);
  }
  return ['env', ...entries.map(([name, value]) => `${name}=${value}`), ...argv];
}
