import type { Command } from './command.ts';

/** Characters that no POSIX shell treats specially at any position of a word. */
const PLAIN = /^[A-Za-z0-9_/.,:@%+-]+$/;

const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Quotes one word for a POSIX shell (POSIX.1-2017 XCU 2.2.2), in single quotes unless it needs none. Throws a plain
 * Error for a text with NUL, which no program can be passed, so that it is a bug of the caller.
 */
export function quoteWord(text: string): string {
  if (text.includes('\0')) throw new Error('a command argument contains NUL');
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Returns the command line of an argument list, for a POSIX shell. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ');
}

/** Returns the argument list with `env` and its variables in front. Throws a plain Error for a list that cannot be run. */
export function withEnvironment({ argv, env = {} }: Command): readonly string[] {
  const [program] = argv;
  if (program === undefined || program === '') throw new Error('a command has no program');
  const entries = Object.entries(env);
  if (entries.length === 0) return argv;
  // env(1) would read such a program as one more variable.
  if (program.includes('=')) throw new Error(`the program "${program}" contains an equals sign`);
  for (const [name] of entries) {
    if (!ENVIRONMENT_NAME.test(name)) throw new Error(`"${name}" is not a name of an environment variable`);
  }
  return ['env', ...entries.map(([name, value]) => `${name}=${value}`), ...argv];
}
