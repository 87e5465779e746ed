import type { PackageRecord } from '../package.ts';

/** A package with the paragraph of the Packages file that describes it. */
export interface AptRecord extends PackageRecord {
  /** Byte for byte as UTF-8 text, without the closing blank line. */
  readonly stanza: string;
}
