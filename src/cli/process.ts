import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../core/index.ts';
import type { Machines } from '../site/index.ts';

/** A commit of the sources, and its day as YYYY-MM-DD. The id ends with -dirty where files had changes that are not in it. */
export interface Commit {
  readonly id: string;
  readonly date: string;
}

/** The parts of the process that main.ts passes on. All other code in src/ gets them as arguments. */
export interface ProcessEdge {
  /** Name by which the program was started, for usage and help; caisson by default. */
  readonly name?: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Aborted on SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  readonly self: { readonly path: string; readonly argv: readonly string[]; readonly standalone: boolean };
  readonly version: string;
  /** Resolves to the libraries of the program with the texts of their licences, as JSON that the build made. */
  readonly readNotices?: () => Promise<string>;
  /** The commit that the program was built from; absent where that was not known. */
  readonly commit?: Commit;
  /** The clock of this machine by default. */
  readonly clock?: Clock;
  /** How the hosts of a site are reached: over SSH, and this machine directly, by default. Tests pass simulated machines. */
  readonly machines?: Machines;
}
