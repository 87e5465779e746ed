import { CommandFailedError } from './command-failed-error.ts';
import type { Command, CommandResult } from './command.ts';
import type { Host } from './host.ts';

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string) => void;
}

/** Runs a command that must succeed. Throws CommandFailedError for every exit status except 0. */
export async function runChecked(host: Host, command: Command, options: RunOptions = {}): Promise<CommandResult> {
  const result = await host.run(command, options);
  if (result.exitCode !== 0) throw new CommandFailedError(host.name, command.argv, result);
  return result;
}

/** Returns the command for a POSIX shell script with positional parameters: `"$1"` is the first of `parameters`. */
export function shellScript(script: string, parameters: readonly string[] = []): readonly string[] {
  return ['/bin/sh', '-c', script, 'sh', ...parameters];
}
