import { CaissonError, formatSize, isDigest } from '../core/index.ts';
import { parseBoundedJson } from '../io/index.ts';
import type { Descriptor } from './descriptor.ts';
import { bareMediaType, isIndexType, isManifestType, isSchema1Type, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';

/** Most bytes of a manifest; registries and clients refuse larger ones. */
export const MANIFEST_SIZE_LIMIT = 4 * 1024 * 1024;
/** Most addresses of one blob that are tried. */
const URLS_LIMIT = 8;

/** A list of manifests, usually one a platform (image-spec image-index.md; Docker: manifest list). */
export interface IndexDocument {
  readonly kind: 'index';
  readonly mediaType: string;
  /** The bytes as received, over which the digest is. */
  readonly bytes: Buffer;
  readonly manifests: readonly Descriptor[];
}

/** One image (image-spec manifest.md; Docker: schema 2). */
export interface ImageDocument {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly config: Descriptor;
  /** Lowest layer first; types are not interpreted. */
  readonly layers: readonly Descriptor[];
  readonly artifactType?: string;
  readonly subject?: Descriptor;
}

export type ManifestDocument = IndexDocument | ImageDocument;

/**
 * Reads an index or image manifest. The media type is the document's own, else the Content-Type's (which proxies often
 * falsify), else told from the shape. Unknown fields are ignored. Throws IMAGE_UNSUPPORTED for schema 1, for a document
 * that could be read as both (CVE-2021-41190) and for anything damaged. `what` names the document in the message.
 */
export function parseManifest(bytes: Buffer, contentType?: string, what = 'a manifest'): ManifestDocument {
  const refuse = (reason: string, hint?: string): CaissonError =>
    new CaissonError('IMAGE_UNSUPPORTED', `Cannot use ${what}: ${reason}`, hint === undefined ? {} : { hint });

  if (bytes.byteLength > MANIFEST_SIZE_LIMIT) throw refuse(`it is larger than ${formatSize(MANIFEST_SIZE_LIMIT)}`);
  const document = parseJsonObject(bytes);
  if (document === undefined) throw refuse('it is not a JSON object in UTF-8');

  const sent = contentType === undefined ? undefined : bareMediaType(contentType);
  const own = typeof document['mediaType'] === 'string' ? document['mediaType'] : undefined;
  if (document['schemaVersion'] === 1 || 'fsLayers' in document || [sent, own].some((type) => type !== undefined && isSchema1Type(type))) {
    throw refuse('it is of the obsolete schema 1', 'Push the image again with a current tool');
  }

  const isIndex = 'manifests' in document;
  if (isIndex && ('layers' in document || 'config' in document)) throw refuse('it is an index and an image manifest at once');
  if (!isIndex && !('config' in document)) throw refuse('it is neither an index nor an image manifest');
  const agrees = isIndex ? isIndexType : isManifestType;
  const contradicts = isIndex ? isManifestType : isIndexType;
  for (const type of [own, sent]) {
    if (type !== undefined && contradicts(type)) throw refuse(`it does not have the shape of its media type "${type}"`);
  }
  if (own !== undefined && sent !== undefined && own !== sent && agrees(own) && agrees(sent)) {
    throw refuse(`it says it is "${own}", the server says "${sent}"`);
  }
  const mediaType = [own, sent].find((type) => type !== undefined && agrees(type)) ?? (isIndex ? OCI_INDEX : OCI_MANIFEST);

  const descriptors = (value: unknown, field: string): Descriptor[] => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw refuse(`its "${field}" is not a list`);
    return value.map((item: unknown, index) => descriptor(item, `${field}[${index}]`));
  };
  const descriptor = (value: unknown, field: string): Descriptor => {
    const parsed = parseDescriptor(value);
    if (typeof parsed === 'string') throw refuse(`its "${field}" ${parsed}`);
    return parsed;
  };

  if (isIndex) return { kind: 'index', mediaType, bytes, manifests: descriptors(document['manifests'], 'manifests') };
  return {
    kind: 'manifest',
    mediaType,
    bytes,
    config: descriptor(document['config'], 'config'),
    layers: descriptors(document['layers'], 'layers'),
    ...(typeof document['artifactType'] === 'string' ? { artifactType: document['artifactType'] } : {}),
    ...(isRecord(document['subject']) ? { subject: descriptor(document['subject'], 'subject') } : {}),
  };
}

/** A descriptor, or the reason why it is invalid. */
function parseDescriptor(value: unknown): Descriptor | string {
  if (!isRecord(value)) return 'is not an object';
  const { mediaType, digest, size, urls, platform, annotations } = value;
  if (typeof mediaType !== 'string') return 'has no media type';
  if (typeof digest !== 'string') return 'has no digest';
  if (!isDigest(digest)) return `has the digest "${digest}", which is not sha256`;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return 'has no valid size';
  return { mediaType, digest, size, ...urlsOf(urls), ...platformOf(platform), ...annotationsOf(annotations) };
}

function urlsOf(value: unknown): Pick<Descriptor, 'urls'> {
  if (!Array.isArray(value)) return {};
  const urls = value.filter((url: unknown): url is string => typeof url === 'string' && /^https?:\/\/./.test(url) && URL.canParse(url));
  return urls.length === 0 ? {} : { urls: urls.slice(0, URLS_LIMIT) };
}

function platformOf(value: unknown): Pick<Descriptor, 'platform'> {
  if (!isRecord(value)) return {};
  const { os, architecture, variant } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return {};
  return { platform: { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) } };
}

function annotationsOf(value: unknown): Pick<Descriptor, 'annotations'> {
  if (!isRecord(value)) return {};
  const texts = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return texts.length === 0 ? {} : { annotations: Object.fromEntries(texts) };
}

/** JSON object from UTF-8 bytes; undefined for anything else. */
export function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = parseBoundedJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
