import type { PackageRecord } from '../package.ts';
import type { FileHash } from '../file-hash.ts';

/** A package with the paragraph of the Packages file that describes it. */
export interface AptRecord extends PackageRecord {
  /** Byte for byte as UTF-8 text, without the closing blank line. */
  readonly stanza: string;
}

/** A record as the repository lists it: its file may be listed by SHA-512 alone. */
export interface ListedRecord extends Omit<AptRecord, 'digest'> {
  readonly hash: FileHash;
}
