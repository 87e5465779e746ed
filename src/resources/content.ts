import { digestOf, type Digest } from '../core/index.ts';

/** The bytes of a file. They may contain a secret or certificate that has not been made yet. */
export interface Content {
  /** Undefined while a secret or certificate in the bytes has not been made. */
  readonly digest: Digest | undefined;
  /** Resolves to the bytes. Makes missing secrets and certificates first and stores them on the seed. */
  readonly read: () => Promise<string | Uint8Array>;
}

/** Wraps bytes that exist already. */
export function fixedContent(content: string | Uint8Array): Content {
  return { digest: digestOf(content), read: async () => content };
}

/** Digest of several values in this order. Undefined values count, too. */
export function digestOfAll(values: readonly (string | number | boolean | undefined)[]): Digest {
  return digestOf(JSON.stringify(values.map((value) => value ?? null)));
}
