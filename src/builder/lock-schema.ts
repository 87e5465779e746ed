import * as z from 'zod';
import { isDigest, parsePlatform, type Digest } from '../core/index.ts';
import { boundedList, unsafeReason } from '../io/index.ts';

export const LOCK_API_VERSION = 'caisson.lock/v1';

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'is not sha256: and 64 lower-case hex digits');
const text = z.string().min(1).max(4096);
const size = z.int().nonnegative();
const date = z.iso.datetime({ error: 'is not a date such as 2026-01-31T12:00:00Z' });
const path = z.string().refine((value) => unsafeReason(value) === undefined, 'is not a relative path that stays inside');
const platform = z.string().refine(isPlatform, 'is not os/architecture[/variant]');
const url = z.url({ protocol: /^https?$/, error: 'is not an http or https URL' });
/** A paragraph of repository metadata: an empty line in it would begin another package. */
const stanza = z
  .string()
  .max(1024 * 1024)
  .refine((value) => !/\n[ \t\r]*\n/.test(value), 'is not one paragraph of repository metadata');

const descriptor = z.strictObject({ mediaType: text, digest, size, urls: z.array(url).exactOptional() });

const attached = z.strictObject({
  manifest: descriptor,
  subject: digest.exactOptional(),
  artifactType: text,
  annotations: z.record(z.string(), z.string()).exactOptional(),
  tags: boundedList(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'is not a tag')),
  blobs: boundedList(descriptor),
});

const image = z.strictObject({
  source: text,
  name: text,
  origin: text,
  platforms: list(platform),
  root: descriptor,
  documents: list(descriptor),
  manifests: list(z.strictObject({ platform, manifest: descriptor, config: descriptor, layers: boundedList(descriptor) })),
  /** There when it was asked for, with what was found. */
  attached: boundedList(attached).exactOptional(),
});

const lockedPackage = z.strictObject({
  name: text,
  version: text,
  architecture: text,
  source: z.strictObject({ name: text, version: text }),
  repository: url,
  filename: path,
  size,
  digest,
  sets: boundedList(text),
  stanza,
});

const operatingSystem = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'is not a name such as debian-12'),
  architecture: text,
  codename: text,
  inputs: digest,
  releases: boundedList(z.strictObject({ url, suite: text, codename: text, date, digest })),
  packages: boundedList(lockedPackage),
});

export const lockSchema = z.strictObject({
  apiVersion: z.literal(LOCK_API_VERSION),
  kind: z.literal('BundleLock'),
  date,
  platforms: list(platform),
  images: boundedList(image),
  operatingSystems: boundedList(operatingSystem),
  executables: boundedList(z.strictObject({ platform, digest, size })),
  files: boundedList(z.strictObject({ path, digest, size })),
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
