import { CaissonError, isDigest, type Digest } from '../core/index.ts';
import { formatReference, parseReference, parseReferenceAsWritten, type ImageReference } from '../oci/index.ts';

/** An image in a registry: a source without a transport in front. */
export interface RegistryReference {
  readonly transport: 'registry';
  readonly image: ImageReference;
}

/** An image of the Docker engine on this machine. */
export interface EngineReference {
  readonly transport: 'docker';
  readonly image: ImageReference;
}

/** An image of an OCI image layout; without name and digest the only one in it. */
export interface LayoutReference {
  readonly transport: 'oci' | 'oci-archive';
  /** As written: relative to the directory of images.txt. */
  readonly path: string;
  /** The annotation org.opencontainers.image.ref.name: a tag or a full name. */
  readonly name?: string;
  readonly digest?: Digest;
}

/** An image of a file that docker save wrote; without name the only one in it. */
export interface DockerArchiveReference {
  readonly transport: 'docker-archive';
  /** As written: relative to the directory of images.txt. */
  readonly path: string;
  readonly image?: ImageReference;
}

/** A SOURCE of images.txt. */
export type SourceReference = RegistryReference | EngineReference | LayoutReference | DockerArchiveReference;

const TRANSPORT = /^(docker-daemon|docker|oci-archive|oci|docker-archive):(.*)$/;
/** image-spec annotations.md, org.opencontainers.image.ref.name; wider: bundles and containerd write full names. */
const REF_NAME = /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,511}$/;
const LIST_INDEX = /^@\d+$/;

/**
 * Reads a source, with transports as containers-transports(5) names them: `docker-daemon:` and, shorter, `docker:` for
 * the engine, `oci:PATH[:NAME|@DIGEST]`, `oci-archive:`, `docker-archive:PATH[:NAME:TAG]`; anything else is a registry
 * reference. Throws REFERENCE_INVALID; also for `docker:24`, which could be an image of the engine or docker.io's image docker.
 */
export function parseSource(text: string): SourceReference {
  const [, transport, rest] = TRANSPORT.exec(text) ?? [];
  if (transport === undefined || rest === undefined || text.startsWith('docker://'))
    return { transport: 'registry', image: parseReference(withoutScheme(text)) };
  switch (transport) {
    case 'docker':
      refuseAmbiguous(text, rest);
      return { transport: 'docker', image: parseReference(rest) };
    case 'docker-daemon':
      return { transport: 'docker', image: parseReference(rest) };
    case 'docker-archive':
      return parseDockerArchive(text, rest);
    case 'oci':
      return parseLayout(text, 'oci', rest);
    default:
      return parseLayout(text, 'oci-archive', rest);
  }
}

/** The full form, which parses to the same source. */
export function formatSource(source: SourceReference): string {
  switch (source.transport) {
    case 'registry':
      return formatReference(source.image);
    case 'docker':
      return `docker:${formatReference(source.image)}`;
    case 'docker-archive':
      return `docker-archive:${source.path}${source.image === undefined ? '' : `:${formatReference(source.image)}`}`;
    case 'oci':
    case 'oci-archive':
      return `${source.transport}:${source.path}${source.name === undefined ? '' : `:${source.name}`}${source.digest === undefined ? '' : `@${source.digest}`}`;
  }
}

/** The source with the digest that it resolved to, for provenance. A docker archive has no place for one: it is put at the end. */
export function formatOrigin(source: SourceReference, digest: Digest): string {
  switch (source.transport) {
    case 'registry':
    case 'docker':
      return formatSource({ ...source, image: { ...source.image, digest } });
    case 'docker-archive':
      return `${formatSource(source)}@${digest}`;
    case 'oci':
    case 'oci-archive':
      return formatSource({ ...source, digest });
  }
}

/** The name that an image of the source has by itself; undefined when one must be given. */
export function nameOfSource(source: SourceReference): ImageReference | undefined {
  switch (source.transport) {
    case 'registry':
    case 'docker':
    case 'docker-archive':
      return source.image;
    case 'oci':
    case 'oci-archive':
      return fullName(source.name);
  }
}

/** A full name with registry and tag is one; "1.0" and "app:1.0" could mean many things. */
function fullName(name: string | undefined): ImageReference | undefined {
  if (name === undefined || !/^[^/]*[.:][^/]*\/|^localhost\//.test(name)) return undefined;
  try {
    const reference = parseReferenceAsWritten(name);
    return reference.tag === undefined ? undefined : reference;
  } catch {
    return undefined;
  }
}

/** skopeo writes registry references with this in front. */
function withoutScheme(text: string): string {
  return text.startsWith('docker://') ? text.slice('docker://'.length) : text;
}

function parseLayout(text: string, transport: LayoutReference['transport'], rest: string): LayoutReference {
  const at = /@(sha256:.*)$/.exec(rest);
  const digest = at?.[1];
  if (digest !== undefined && !isDigest(digest)) throw refuse(text, `its digest "${digest}" is not sha256: and 64 lower-case hex digits`);
  const { path, name } = splitPath(text, at === null ? rest : rest.slice(0, at.index));
  if (name !== undefined && !REF_NAME.test(name)) throw refuse(text, `"${name}" is not a tag or a name`);
  return { transport, path, ...(name === undefined ? {} : { name }), ...(digest === undefined ? {} : { digest }) };
}

function parseDockerArchive(text: string, rest: string): DockerArchiveReference {
  const { path, name } = splitPath(text, rest);
  if (name === undefined) return { transport: 'docker-archive', path };
  if (LIST_INDEX.test(name)) throw refuse(text, `"${name}" counts images`, 'Write the image by its name: docker-archive:FILE:NAME:TAG');
  const image = parseReferenceAsWritten(name);
  if (image.digest !== undefined) throw refuse(text, 'images of a docker archive have no digest', 'Write the name and tag alone');
  return { transport: 'docker-archive', path, image: image.tag === undefined ? { ...image, tag: 'latest' } : image };
}

/** The path ends at the first colon, as in containers-transports(5). */
function splitPath(text: string, rest: string): { readonly path: string; readonly name?: string } {
  const colon = rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const name = colon < 0 ? undefined : rest.slice(colon + 1);
  if (rest.startsWith('//')) throw refuse(text, 'it has a scheme', 'Write the path right after the colon');
  if (path === '') throw refuse(text, 'it names no file');
  if (/\p{Cc}/u.test(path)) throw refuse(text, 'its path has a control character');
  if (name === '') throw refuse(text, 'no name follows the last colon');
  return { path, ...(name === undefined ? {} : { name }) };
}

function refuseAmbiguous(text: string, rest: string): void {
  try {
    parseReferenceAsWritten(text);
  } catch {
    return;
  }
  const remedy = `Write docker-daemon:${rest} for the image of the Docker engine, docker.io/library/${text} or docker://${text} for the registry's`;
  throw refuse(text, `it could be the image "${rest}" of the Docker engine, or an image of a registry`, remedy);
}

function refuse(text: string, reason: string, hint?: string): CaissonError {
  return new CaissonError('REFERENCE_INVALID', `Cannot read image source "${text}": ${reason}`, hint === undefined ? {} : { hint });
}
