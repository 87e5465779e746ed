/** A command as an argument list; only host/quote.ts makes a shell string of it. */
export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Bytes for standard input. Secrets go here, never into argv. */
  readonly input?: string | Uint8Array;
  /** Fail when the command printed nothing and did not end for this long. */
  readonly idleTimeoutMs?: number;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}
