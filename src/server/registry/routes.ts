import { isDigest, type Digest } from '../../core/index.ts';
import { nameAsPath, type BlobStore, type Descriptor, type ImageCatalog } from '../../oci/index.ts';
import { contentResponse, matchesTag } from '../content.ts';
import { isReading, type Handler, type HttpRequest, type HttpResponse } from '../message.ts';
import { decodePath } from '../path.ts';
import { ManifestCache } from './manifest-cache.ts';
import { nameResolver, type ResolveName } from './names.ts';
import { pageOf } from './page.ts';
import { API_HEADERS, jsonResponse, registryError } from './registry-error.ts';
import { isRepositoryName, parseResource, referenceKind, type RegistryResource } from './resource.ts';

export interface RegistryOptions {
  readonly catalog: ImageCatalog;
  readonly blobs: BlobStore;
}

interface Registry extends RegistryOptions {
  readonly manifests: ManifestCache;
  readonly resolve: ResolveName;
  readonly recent: Map<string, KnownManifest>;
  /** Names of repositories as clients write them, sorted. */
  readonly names: readonly string[];
}

/** The manifest that a path names. */
interface KnownManifest {
  readonly digest: Digest;
  readonly headers: Readonly<Record<string, string>>;
}

/** Most paths of manifests that are kept. */
const RECENT_LIMIT = 4096;

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

/**
 * A read-only registry (OCI distribution-spec 1.1: pull and content discovery) for everything under /v2. Manifests and
 * blobs are given byte for byte with their stored media type, independent of the Accept header. Catalog and blobs must
 * not change while the routes are in use: the meaning of recent paths is kept.
 */
export function registryRoutes(options: RegistryOptions): Handler {
  const registry: Registry = {
    ...options,
    manifests: new ManifestCache(options.blobs),
    resolve: nameResolver(options.catalog),
    recent: new Map(),
    names: [...new Set(options.catalog.repositories().map(nameAsPath))].sort(),
  };
  return (request) => knownManifest(registry, request) ?? lookUp(registry, request);
}

async function lookUp(registry: Registry, request: HttpRequest): Promise<HttpResponse> {
  const path = decodePath(request.path);
  const resource = path === undefined ? undefined : parseResource(path);
  const route = resource === undefined ? 'registry' : `registry-${resource.type}`;
  return { ...(await answer(registry, request, resource)), route };
}

/** A manifest that was asked for before, without looking anything up: nodes ask for the same few over and over. */
function knownManifest(registry: Registry, request: HttpRequest): HttpResponse | undefined {
  const known = registry.recent.get(request.path);
  if (known === undefined || !isReading(request.method)) return undefined;
  if (request.query.has('ns') || request.header('if-none-match') !== undefined) return undefined;
  const body = registry.manifests.kept(known.digest);
  return body === undefined ? undefined : { status: 200, headers: known.headers, body, route: 'registry-manifest' };
}

function remember(registry: Registry, path: string, known: KnownManifest): void {
  const [oldest] = registry.recent.keys();
  if (registry.recent.size >= RECENT_LIMIT && oldest !== undefined) registry.recent.delete(oldest);
  registry.recent.set(path, known);
}

async function answer(registry: Registry, request: HttpRequest, resource: RegistryResource | undefined): Promise<HttpResponse> {
  if (!isReading(request.method)) {
    return registryError(405, 'UNSUPPORTED', 'This registry serves a sealed bundle: nothing can be written', {}, { allow: 'GET, HEAD' });
  }
  if (resource === undefined) return registryError(404, 'UNSUPPORTED', 'There is no such place in the registry API');
  if (resource.type === 'api') return jsonResponse({});
  if (resource.type === 'catalog') return list(request, 'repositories', registry.names, {});
  if (resource.type === 'referrers') return referrers(registry, request, resource.name, resource.reference);
  return inRepository(registry, request, resource);
}

async function inRepository(
  registry: Registry,
  request: HttpRequest,
  resource: Extract<RegistryResource, { readonly type: 'manifest' | 'blob' | 'tags' }>,
): Promise<HttpResponse> {
  const { name } = resource;
  if (!isRepositoryName(name)) return registryError(400, 'NAME_INVALID', 'The repository name is not valid', { name });
  const namespace = request.query.get('ns') ?? undefined;
  const repository = registry.resolve(name, namespace);
  if (repository === undefined) return registryError(404, 'NAME_UNKNOWN', 'The bundle has no such repository', { name });
  const response = await (resource.type === 'manifest'
    ? manifest(registry, request, repository, resource.reference)
    : resource.type === 'blob'
      ? blob(registry, request, resource.reference)
      : list(request, 'tags', registry.catalog.tags(repository) ?? [], { name }));
  return namespace === undefined ? response : { ...response, headers: { ...response.headers, 'oci-namespace': namespace } };
}

async function manifest(registry: Registry, request: HttpRequest, repository: string, reference: string): Promise<HttpResponse> {
  if (referenceKind(reference) === 'malformed') return registryError(400, 'DIGEST_INVALID', 'The digest is not valid', { reference });
  const found = registry.catalog.find(repository, reference);
  if (found === undefined) {
    return registryError(404, 'MANIFEST_UNKNOWN', 'The repository has no such manifest', { name: repository, reference });
  }
  const headers = {
    ...API_HEADERS,
    'content-type': found.mediaType,
    'docker-content-digest': found.digest,
    etag: `"${found.digest}"`,
  };
  const condition = request.header('if-none-match');
  if (condition !== undefined && matchesTag(condition, headers.etag)) return { status: 304, headers };
  const bytes = await registry.manifests.read(found);
  if (bytes !== undefined && !request.query.has('ns')) remember(registry, request.path, { digest: found.digest, headers });
  return { status: 200, headers, body: bytes ?? { size: found.size, open: () => registry.blobs.open(found.digest) } };
}

async function blob(registry: Registry, request: HttpRequest, reference: string): Promise<HttpResponse> {
  if (referenceKind(reference) !== 'digest') return registryError(400, 'DIGEST_INVALID', 'The digest is not valid', { digest: reference });
  const found = isDigest(reference) ? await registry.blobs.stat(reference) : undefined;
  if (found === undefined || !isDigest(reference)) {
    return registryError(404, 'BLOB_UNKNOWN', 'The bundle has no such blob', { digest: reference });
  }
  return contentResponse(request, {
    size: found.size,
    etag: `"${reference}"`,
    headers: {
      ...API_HEADERS,
      'content-type': 'application/octet-stream',
      'docker-content-digest': reference,
      'cache-control': 'max-age=31536000, immutable',
    },
    open: (range) => registry.blobs.open(reference, range),
  });
}

function list(
  request: HttpRequest,
  key: 'tags' | 'repositories',
  sorted: readonly string[],
  identity: Readonly<Record<string, string>>,
): HttpResponse {
  const page = pageOf(sorted, request);
  if (page === undefined)
    return registryError(400, 'PAGINATION_NUMBER_INVALID', 'The page size n is not a number', { n: request.query.get('n') });
  return jsonResponse({ ...identity, [key]: page.items }, page.link === undefined ? {} : { link: page.link });
}

/** Always 200 for a well-formed digest, known or not (distribution-spec, Listing Referrers). */
function referrers(registry: Registry, request: HttpRequest, name: string, reference: string): HttpResponse {
  if (referenceKind(reference) !== 'digest') return registryError(400, 'DIGEST_INVALID', 'The digest is not valid', { digest: reference });
  const repository = registry.resolve(name, request.query.get('ns') ?? undefined);
  const all = repository === undefined ? [] : registry.catalog.referrers(repository, reference);
  const type = request.query.get('artifactType');
  const manifests: readonly Descriptor[] = type === null ? all : all.filter(({ artifactType }) => artifactType === type);
  return jsonResponse(
    { schemaVersion: 2, mediaType: INDEX_TYPE, manifests },
    { 'content-type': INDEX_TYPE, ...(type === null ? {} : { 'oci-filters-applied': 'artifactType' }) },
  );
}
