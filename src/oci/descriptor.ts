import type { Digest, Platform } from '../core/index.ts';

/** An OCI content descriptor (image-spec descriptor.md). Unknown fields of the original stay in the raw bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** Further addresses of the bytes, outside the registry: layers that must not be distributed have them. */
  readonly urls?: readonly string[];
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}
