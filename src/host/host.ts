import type { Readable } from 'node:stream';
import type { Digest } from '../core/index.ts';
import type { Command, CommandResult } from './command.ts';

export interface UploadOptions {
  readonly mode: number;
  /** `user:group`; root:root by default. */
  readonly owner?: string;
  /** Expected digest. It is compared on the host before the file gets its name; a difference throws DIGEST_MISMATCH. */
  readonly digest?: Digest;
  /**
   * True when no other process writes this file now. Temporary files of killed writers are then deleted at once.
   * Otherwise those younger than an hour stay, because another writer may still use them.
   */
  readonly onlyWriter?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

/** A connected machine on which commands run as root, through sudo when the login is another user. */
export interface Host {
  readonly name: string;
  readonly address: string;
  /** True for the machine that this process runs on. */
  readonly local: boolean;
  /**
   * Runs a command as root. A non-zero exit status is a result, not an error. Throws HOST_CONNECTION when the
   * connection is lost, COMMAND_STALLED after the command's idle timeout, and LIMIT_EXCEEDED for too much output.
   */
  run(command: Command, options?: { readonly signal?: AbortSignal; readonly onLine?: (line: string) => void }): Promise<CommandResult>;
  /** Writes a file atomically (temporary name, fsync, rename). Missing parent directories are created with mode 0755. */
  upload(source: Readable | Uint8Array | string, path: string, options: UploadOptions): Promise<void>;
  close(): Promise<void>;
}
