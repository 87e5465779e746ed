import type { Readable } from 'node:stream';
import type { Digest } from '../core/index.ts';
import type { Command, CommandResult } from './command.ts';

export interface UploadOptions {
  readonly mode: number;
  /** `user:group`; root:root when not given. */
  readonly owner?: string;
  /** Checked on the far side before the file gets its name. */
  readonly digest?: Digest;
  /**
   * Nobody else writes this file now, so what killed writers left of it goes at once. Otherwise what is younger than an hour
   * stays: somebody may still be writing it.
   */
  readonly onlyWriter?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

/** A connected machine on which we are root (through sudo where the login is another user). */
export interface Host {
  readonly name: string;
  readonly address: string;
  /** True for the machine this process runs on. */
  readonly local: boolean;
  /** Runs as root. A non-zero exit is a result, not an error; throws HOST_CONNECTION when the machine is lost. */
  run(command: Command, options?: { readonly signal?: AbortSignal; readonly onLine?: (line: string) => void }): Promise<CommandResult>;
  /** Writes a file atomically (temporary name, fsync, rename), creating parent directories (0755). */
  upload(source: Readable | Uint8Array | string, path: string, options: UploadOptions): Promise<void>;
  close(): Promise<void>;
}
