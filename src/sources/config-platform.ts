import type { Readable } from 'node:stream';
import { digestOf, DigestMismatchError, type Platform } from '../core/index.ts';
import { readLimited } from '../io/index.ts';
import { parseJsonObject, type Descriptor } from '../oci/index.ts';

/**
 * The platform in an image configuration (image-spec config.md); undefined when it names none, as those of things that
 * are no images. Throws DIGEST_MISMATCH.
 */
export async function readConfigPlatform(stream: Readable, config: Descriptor): Promise<Platform | undefined> {
  return platformOfConfig(await readConfig(stream, config));
}

/** The bytes of an image configuration. Throws DIGEST_MISMATCH, LIMIT_EXCEEDED. */
export async function readConfig(stream: Readable, config: Descriptor): Promise<Buffer> {
  const what = `image configuration "${config.digest}"`;
  const bytes = await readLimited(stream, config.size, what);
  const digest = digestOf(bytes);
  if (digest !== config.digest || bytes.byteLength !== config.size) {
    throw new DigestMismatchError(what, config, { digest, size: bytes.byteLength });
  }
  return bytes;
}

/** The platform that an image configuration names; undefined when it names none. */
export function platformOfConfig(bytes: Uint8Array): Platform | undefined {
  const { os, architecture, variant } = parseJsonObject(bytes) ?? {};
  if (typeof os !== 'string' || typeof architecture !== 'string' || os === '' || architecture === '') return undefined;
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) };
}
