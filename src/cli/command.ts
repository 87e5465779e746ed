import type { Command } from 'commander';
import type { Clock, Emit } from '../core/index.ts';
import type { Machines } from '../site/index.ts';
import type { Commit } from './process.ts';

/** Result of a command: text for people, data for `--json`. */
export interface CommandOutput {
  readonly text: string;
  readonly data: unknown;
}

/** The parts of the process that a command may use. Tests pass their own. */
export interface CommandContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `path` is the absolute path of the running executable or script, `argv` the arguments that start it again. */
  readonly self: { readonly path: string; readonly argv: readonly string[]; readonly standalone: boolean };
  readonly version: string;
  /** The commit that the program was built from; undefined where that was not known. */
  readonly commit: Commit | undefined;
  /** Resolves to the libraries of the program, as JSON that the build made; undefined where it was not built. */
  readonly readNotices: (() => Promise<string>) | undefined;
  /** How the hosts of a site are reached; undefined for the default. */
  readonly machines: Machines | undefined;
  /** Reads all of the standard input, for a flag that takes `-` in the place of a file. Throws LIMIT_EXCEEDED above 16 MiB. */
  readonly readStdin: () => Promise<Uint8Array>;
  /** Prints a result on standard output. A command that runs on may print several. */
  print(output: CommandOutput): void;
  /**
   * Shows lines and asks a yes-or-no question about them on the terminal, with --quiet, too. Every answer but yes is a no, as is the end
   * of the input. Returns undefined without a terminal.
   */
  confirm(question: string, about: readonly string[]): Promise<boolean | undefined>;
  /** Asks for a secret on the terminal without showing it. Returns undefined without a terminal. */
  askSecret(question: string): Promise<string | undefined>;
}

/** Wraps the work of a command: builds the context, renders events, turns errors into exit statuses. */
export type RunCommand = (work: (context: CommandContext) => Promise<void>) => Promise<void>;

/** Adds a command with its flags to the program. Each file in cli/commands exports one. */
export type RegisterCommand = (program: Command, run: RunCommand) => void;
