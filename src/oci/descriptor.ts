import type { Digest, Platform } from '../core/index.ts';

/** An OCI content descriptor (image-spec descriptor.md). Unknown fields of the original stay in the raw bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** Where the bytes may be had beside the registry: layers that must not be distributed have such addresses. */
  readonly urls?: readonly string[];
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}
