import * as z from 'zod';
import { CaissonError, isDigest, messageOf, parsePlatform, type Digest } from '../../core/index.ts';
import { boundedList, parseBoundedJson, printableField } from '../../io/index.ts';
import { repositorySchema } from '../../ospkg/index.ts';
import { BUNDLE_API_VERSIONS, type BundleManifest } from './manifest.ts';

/** Most bytes of bundle.json: enough for some hundred thousand members. */
export const BUNDLE_JSON_LIMIT = 64 * 1024 * 1024;

/** Most characters of foreign text that a message repeats. */
const SHOWN = 200;

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'is not a sha256 digest');
const size = z.int().nonnegative();
const text = printableField;
export const word = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$/, 'is not letters, digits and . _ + ~ -, starting with a letter or digit');
const platformText = z.string().refine(isPlatform, 'is not os/architecture[/variant]');

const descriptor = z.strictObject({
  mediaType: text,
  digest,
  size,
  platform: z.strictObject({ os: text, architecture: text, variant: text.exactOptional() }).exactOptional(),
  annotations: z.custom<Readonly<Record<string, string>>>(isTexts, 'is not a map of texts').exactOptional(),
});

const attached = z.strictObject({
  manifest: descriptor,
  subject: digest.exactOptional(),
  artifactType: text,
  annotations: z.custom<Readonly<Record<string, string>>>(isTexts, 'is not a map of texts').exactOptional(),
  tags: boundedList(text),
  blobs: boundedList(descriptor),
});

const artifact = z.strictObject({ manifest: descriptor, artifactType: text, blobs: boundedList(descriptor) });

const image = z.strictObject({
  name: text,
  source: text,
  root: descriptor,
  platforms: boundedList(
    z.strictObject({ platform: platformText, manifest: descriptor, config: descriptor, layers: boundedList(descriptor) }),
  ),
  artifacts: boundedList(artifact).exactOptional(),
  attached: boundedList(attached).exactOptional(),
});

const base = z.strictObject({ name: word, version: word, digest });

const member = {
  path: z.string(),
  kind: z.enum(['metadata', 'manifest', 'executable', 'repository', 'package', 'document', 'file', 'blob']),
  size,
  digest,
  mode: z.int().refine((mode) => mode === 0o644 || mode === 0o755, 'is neither 420 (0644) nor 493 (0755)'),
  origin: text,
};

const entry = z.strictObject({ ...member, offset: size });
const baseEntry = z.strictObject({ ...member, base: digest });

const manifest = z.strictObject({
  apiVersion: z.literal(BUNDLE_API_VERSIONS),
  kind: z.literal('Bundle'),
  name: word,
  version: word,
  platforms: boundedList(platformText).refine((list) => list.length > 0, 'names no platform'),
  date: z.string().refine(isMoment, 'is not a UTC time such as 2026-01-31T12:00:00Z'),
  images: boundedList(image),
  repositories: boundedList(repositorySchema),
  bases: boundedList(base),
  entries: boundedList(entry),
  baseEntries: boundedList(baseEntry),
});

/**
 * Reads bundle.json strictly: an unknown key is an error. Throws BUNDLE_VERSION_UNKNOWN for another apiVersion and
 * BUNDLE_DAMAGED, naming every mistake with its place, for anything else that is wrong.
 */
export function parseManifest(bytes: Uint8Array, bundle: string): BundleManifest {
  const document = parseJson(bytes, bundle);
  const apiVersion = typeof document === 'object' && document !== null && 'apiVersion' in document ? document.apiVersion : undefined;
  if (typeof apiVersion === 'string' && !isKnownVersion(apiVersion)) {
    throw new CaissonError(
      'BUNDLE_VERSION_UNKNOWN',
      `Cannot read "${bundle}": its format is "${apiVersion.slice(0, SHOWN)}", known are ${BUNDLE_API_VERSIONS.map((known) => `"${known}"`).join(' and ')}`,
      {
        hint: 'Use the caisson executable that was built with this bundle',
      },
    );
  }
  const result = manifest.safeParse(document);
  if (!result.success) throw damaged(bundle, describeIssues(result.error).join('; '));
  return result.data;
}

/** The problems of a manifest that show without its bundle; at most twenty. */
export function manifestProblems(document: unknown): readonly string[] {
  const result = manifest.safeParse(document);
  return result.success ? [] : describeIssues(result.error);
}

/** At most twenty mistakes, each with its place. */
export function describeIssues(error: z.ZodError): readonly string[] {
  return error.issues
    .slice(0, 20)
    .map(({ path, message }) => `${path.map((step) => String(step).slice(0, SHOWN)).join('.') || 'document'}: ${message.slice(0, SHOWN)}`);
}

function parseJson(bytes: Uint8Array, bundle: string): unknown {
  try {
    return parseBoundedJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged(bundle, `it is not JSON: ${messageOf(error)}`, error);
  }
}

function damaged(bundle: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('BUNDLE_DAMAGED', `Cannot read bundle.json of "${bundle}": ${reason}`, {
    hint: `Run: caisson verify ${bundle}`,
    ...(cause === undefined ? {} : { cause }),
  });
}

function isKnownVersion(version: string): boolean {
  const known: readonly string[] = BUNDLE_API_VERSIONS;
  return known.includes(version);
}

function isTexts(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((each) => typeof each === 'string')
  );
}

function isPlatform(value: string): boolean {
  try {
    parsePlatform(value);
    return true;
  } catch {
    return false;
  }
}

function isMoment(value: string): boolean {
  const time = Date.parse(value);
  return time >= 0 && formatMoment(new Date(time)) === value;
}

/** RFC 3339, UTC, whole seconds. */
export function formatMoment(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
