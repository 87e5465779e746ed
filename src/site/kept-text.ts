import { digestOf, type Digest } from '../core/index.ts';

/** A text that is stored on the seed, or that the first `read` makes and stores. */
export interface KeptText {
  /** Undefined until the text has been made. */
  readonly digest: Digest | undefined;
  /** Resolves to the text. Makes and stores it first when there is none. */
  read(): Promise<string>;
}

/** Wraps a text. When `known` is undefined, each `read` calls `obtain`, which must make, store and return the text. */
export function keptText(known: string | undefined, obtain: () => Promise<string>): KeptText {
  return { digest: known === undefined ? undefined : digestOf(known), read: async () => known ?? obtain() };
}
