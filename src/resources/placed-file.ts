import type { Content } from './content.ts';
import type { Attributes } from './paths.ts';

/** A file whose whole content Caisson determines. Its key is the path. */
export interface FileSpec extends Attributes {
  readonly content: Content;
}

/** A file with the path where it is written. */
export interface PlacedFile extends FileSpec {
  readonly path: string;
}
