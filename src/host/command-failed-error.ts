import { CaissonError, type ErrorDetails } from '../core/index.ts';
import type { CommandResult } from './command.ts';
import { quoteCommand } from './quote.ts';

const SHOWN_LINES = 5;
const SHOWN_CHARACTERS = 600;

/**
 * Thrown for a command that ended with a non-zero exit status. The error has the whole output; its message has the last
 * lines.
 */
export class CommandFailedError extends CaissonError {
  readonly host: string;
  readonly argv: readonly string[];
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;

  constructor(host: string, argv: readonly string[], result: CommandResult, details: ErrorDetails = {}) {
    super(
      'COMMAND_FAILED',
      `Cannot run "${shortCommand(argv)}" on "${host}": exit status ${result.exitCode}${shortOutput(result)}`,
      details,
    );
    this.host = host;
    this.argv = argv;
    this.exitCode = result.exitCode;
    this.stdout = result.stdout;
    this.stderr = result.stderr;
  }
}

/** Formats a command for a message: one line of at most 120 characters. */
export function shortCommand(argv: readonly string[]): string {
  const line = quoteCommand(argv).replaceAll(/\s+/g, ' ');
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
}

function shortOutput({ stdout, stderr }: CommandResult): string {
  const lines = (stderr.trim() === '' ? stdout : stderr).trim().split('\n');
  const shown = lines.slice(-SHOWN_LINES).join('\n').slice(-SHOWN_CHARACTERS);
  return shown === '' ? '' : `, ${lines.length > SHOWN_LINES ? '... ' : ''}${shown}`;
}
