/** A command as an argument list. Only host/quote.ts turns it into text for a shell. */
export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Bytes for standard input. Secrets are passed here, never in argv. */
  readonly input?: string | Uint8Array;
  /** Milliseconds without output after which the command is stopped and fails. */
  readonly idleTimeoutMs?: number;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}
