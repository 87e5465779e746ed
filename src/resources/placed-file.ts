import type { Content } from './content.ts';
import type { Attributes } from './paths.ts';

/** A file whose whole content we decide. Its key is the path. */
export interface FileSpec extends Attributes {
  readonly content: Content;
}

/** A file of a known path. */
export interface PlacedFile extends FileSpec {
  readonly path: string;
}
