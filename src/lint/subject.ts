import type { ManifestDocuments } from '../manifests/index.ts';

/** A line of a list of images. */
export interface LintImage {
  /** The full name that nodes use. */
  readonly name: string;
  /** Platforms that it is wanted for alone, such as linux/amd64; undefined for those of any build. */
  readonly platforms?: readonly string[] | undefined;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

/** Everything that is checked: the documents of a platform, which are right each for itself, and its list of images. */
export interface LintSubject extends ManifestDocuments {
  readonly images: readonly LintImage[];
  /** Names of the lists, for messages. */
  readonly lists: readonly string[];
  /** Platforms of a build; undefined where none is built. */
  readonly platforms?: readonly string[] | undefined;
}
