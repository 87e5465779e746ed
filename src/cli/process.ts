import type { Readable, Writable } from 'node:stream';

/** The parts of the process that main.ts passes on. All other code in src/ gets them as arguments. */
export interface ProcessEdge {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Aborted on SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  readonly self: { readonly path: string; readonly argv: readonly string[]; readonly standalone: boolean };
  readonly version: string;
}
