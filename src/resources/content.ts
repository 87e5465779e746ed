import { digestOf, type Digest } from '../core/index.ts';

/** The bytes of a file, which may have yet to be made: a secret or a certificate in it is new. */
export interface Content {
  /** Undefined while a part of it was never made, so that nobody can know it. */
  readonly digest: Digest | undefined;
  /** The bytes; makes and keeps on the seed what is missing. */
  readonly read: () => Promise<string | Uint8Array>;
}

/** Content that is known. */
export function fixedContent(content: string | Uint8Array): Content {
  return { digest: digestOf(content), read: async () => content };
}

/** One digest for several values, in their order. */
export function digestOfAll(values: readonly (string | number | boolean | undefined)[]): Digest {
  return digestOf(JSON.stringify(values.map((value) => value ?? null)));
}
