import * as z from 'zod';
import { parsePlatform } from '../core/index.ts';
import {
  boundedList,
  byteCountField as size,
  dateField as date,
  digestField as digest,
  relativePathField as path,
  textField as text,
  urlField as url,
} from '../io/index.ts';
import { lockedSystemSchema } from '../ospkg/index.ts';

export const LOCK_API_VERSION = 'caisson.lock/v1';

const platform = z.string().refine(isPlatform, 'is not os/architecture[/variant]');

const descriptor = z.strictObject({ mediaType: text, digest, size, urls: z.array(url).exactOptional() });

const attached = z.strictObject({
  manifest: descriptor,
  subject: digest.exactOptional(),
  artifactType: text,
  annotations: z.record(z.string(), z.string()).exactOptional(),
  tags: boundedList(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'is not a tag')),
  blobs: boundedList(descriptor),
});

const artifact = z.strictObject({ manifest: descriptor, artifactType: text, blobs: boundedList(descriptor) });

const image = z.strictObject({
  source: text,
  name: text,
  origin: text,
  /** Empty for artifacts, as `manifests`. */
  platforms: boundedList(platform),
  root: descriptor,
  documents: list(descriptor),
  manifests: boundedList(z.strictObject({ platform, manifest: descriptor, config: descriptor, layers: boundedList(descriptor) })),
  /** Present when it is an artifact, or an index of artifacts. */
  artifacts: list(artifact).exactOptional(),
  /** Present when `--with-referrers` was given: the manifests that were found. */
  attached: boundedList(attached).exactOptional(),
});

export const lockSchema = z.strictObject({
  apiVersion: z.literal(LOCK_API_VERSION),
  kind: z.literal('BundleLock'),
  date,
  platforms: list(platform),
  images: boundedList(image),
  operatingSystems: boundedList(lockedSystemSchema),
  executables: boundedList(z.strictObject({ platform, digest, size })),
  files: boundedList(z.strictObject({ path, digest, size })),
  /** Present when there is a list of files with an entry. */
  listedFiles: boundedList(z.strictObject({ name: path, url: text, digest, size })).exactOptional(),
});

/** At least one. */
function list<Item extends z.ZodType>(item: Item): z.ZodType<z.output<Item>[]> {
  return boundedList(item).refine((items) => items.length > 0, 'is empty');
}

function isPlatform(value: string): boolean {
  try {
    parsePlatform(value);
    return true;
  } catch {
    return false;
  }
}
