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

/** A line of a list of files. */
export interface LintFile {
  readonly name: string;
  readonly url: string;
}

/** Everything that is checked: the documents of a platform, which are right each for itself, and its lists of images and files. */
export interface LintSubject extends ManifestDocuments {
  readonly images: readonly LintImage[];
  /** Names of the lists, for messages. */
  readonly lists: readonly string[];
  readonly files: readonly LintFile[];
  /** Names of the lists of files, for messages. */
  readonly fileLists: readonly string[];
  /** Platforms of a build; undefined where none is built. */
  readonly platforms?: readonly string[] | undefined;
}
