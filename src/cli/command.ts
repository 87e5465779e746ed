import type { Command } from 'commander';
import type { Clock, Emit } from '../core/index.ts';

/** What a command says at its end: text for people, data for `--json`. */
export interface CommandOutput {
  readonly text: string;
  readonly data: unknown;
}

/** Everything of the process that a command may use. Tests make their own. */
export interface CommandContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the running executable or script, and how to start it again. */
  readonly self: { readonly path: string; readonly argv: readonly string[]; readonly standalone: boolean };
  readonly version: string;
  /** Prints a result (or a part of one, for commands that go on) on standard output. */
  print(output: CommandOutput): void;
  /** Asks a yes-or-no question on a terminal; false where there is none. */
  confirm(question: string): Promise<boolean>;
  /** Asks for a secret on a terminal, without showing it; undefined where there is none. */
  askSecret(question: string): Promise<string | undefined>;
}

/** Wraps the work of a command: builds the context, renders events, turns errors into exit statuses. */
export type RunCommand = (work: (context: CommandContext) => Promise<void>) => Promise<void>;

/** A file in cli/commands exports one of these: it adds its command and flags to the program. */
export type RegisterCommand = (program: Command, run: RunCommand) => void;
