import { digestOf, type Digest } from '../core/index.ts';

/** A text that the seed keeps, or has yet to make. */
export interface KeptText {
  /** Undefined while it was never made. */
  readonly digest: Digest | undefined;
  /** The text; made and kept now when there is none. */
  read(): Promise<string>;
}

/** A text that is there, or is made by `obtain`. */
export function keptText(known: string | undefined, obtain: () => Promise<string>): KeptText {
  return { digest: known === undefined ? undefined : digestOf(known), read: async () => known ?? obtain() };
}
