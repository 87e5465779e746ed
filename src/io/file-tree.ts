import type { Readable } from 'node:stream';
import type { Digest } from '../core/index.ts';

export interface TreeFile {
  readonly size: number;
  /** Known for files of a bundle; used as ETag. */
  readonly digest?: Digest;
  readonly modified: Date;
}

/** Files by relative POSIX path, wherever they really live: in a bundle, in memory, in a directory. */
export interface FileTree {
  stat(path: string): Promise<TreeFile | undefined>;
  /** Bytes start up to, not including, end. Throws ENOENT-like CaissonError FILE_UNKNOWN when absent. */
  open(path: string, range?: { readonly start: number; readonly end: number }): Promise<Readable>;
  /** Names directly under a directory ('' is the root), directories with a trailing slash, sorted. */
  list(directory: string): Promise<readonly string[]>;
}
