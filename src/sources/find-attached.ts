import { digestOf, hexOf, type Digest, type Emit } from '../core/index.ts';
import {
  isAttestation,
  parseJsonObject,
  type AttachedManifest,
  type Descriptor,
  type ImageDocument,
  type ManifestDocument,
  type ResolvedImage,
} from '../oci/index.ts';

/** How findAttached asks a repository; documents that it gives have checked digests. */
export interface AttachedReader {
  read(descriptor: Descriptor): Promise<ManifestDocument>;
  /** The document of a tag; undefined when there is no such tag. */
  readTag(tag: string): Promise<ManifestDocument | undefined>;
  /** The manifests that refer to a digest (distribution-spec, Listing Referrers), also where the repository lists them under a tag. */
  referrers(subject: Digest): Promise<readonly Descriptor[]>;
}

export interface FindAttachedOptions {
  /** The image, for messages. */
  readonly what: string;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Suffixes of the tags that cosign makes from a digest (SPEC of cosign, "Tag-based discovery"). */
const COSIGN = ['sig', 'att', 'sbom'] as const;
/** Longest chain of references that is followed: a signature of an attestation of an image has length two. */
const DEPTH_LIMIT = 3;
const ATTACHED_LIMIT = 512;

/**
 * Finds the manifests attached to an image: those whose subject is one of its documents, those that cosign finds by tag,
 * attestations that BuildKit lists in the index, and the referrers of all of these. An index among them is not followed;
 * a warning names it.
 */
export async function findAttached(
  resolved: ResolvedImage,
  reader: AttachedReader,
  options: FindAttachedOptions,
): Promise<readonly AttachedManifest[]> {
  const search = new Search(reader, options);
  await search.attestations(resolved);
  let subjects: readonly Digest[] = resolved.documents.map(({ digest }) => digest);
  for (let depth = 0; depth < DEPTH_LIMIT && subjects.length > 0; depth += 1)
    subjects = await search.about([...subjects, ...search.fresh()]);
  return search.found();
}

class Search {
  readonly #reader: AttachedReader;
  readonly #options: FindAttachedOptions;
  readonly #found = new Map<Digest, AttachedManifest>();
  #fresh: Digest[] = [];

  constructor(reader: AttachedReader, options: FindAttachedOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  found(): readonly AttachedManifest[] {
    return [...this.#found.values()].toSorted((left, right) => (left.manifest.digest < right.manifest.digest ? -1 : 1));
  }

  /** The digests that were found since the last call. */
  fresh(): readonly Digest[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /** BuildKit lists them beside the image that they are about, in the index (buildkit, attestation storage). */
  async attestations({ root, manifests }: ResolvedImage): Promise<void> {
    const images = new Set<string>(manifests.map(({ manifest }) => manifest.digest));
    const document = await this.#reader.read(root);
    if (document.kind !== 'index') return;
    for (const entry of document.manifests) {
      const about = entry.annotations?.['vnd.docker.reference.digest'];
      if (isAttestation(entry) && about !== undefined && images.has(about)) this.#add(entry, await this.#reader.read(entry));
    }
  }

  /** Finds the manifests attached to these digests; gives the digests that are new. */
  async about(subjects: readonly Digest[]): Promise<readonly Digest[]> {
    for (const subject of subjects) {
      this.#options.signal?.throwIfAborted();
      for (const listed of await this.#reader.referrers(subject)) this.#add(listed, await this.#reader.read(listed));
      for (const kind of COSIGN) {
        const tag = `sha256-${hexOf(subject)}.${kind}`;
        const document = await this.#reader.readTag(tag);
        if (document !== undefined) this.#add(descriptorOf(document), document, tag);
      }
    }
    return this.fresh();
  }

  #add({ mediaType, digest, size }: Descriptor, document: ManifestDocument, tag?: string): void {
    if (document.kind === 'index') {
      const message = `${digest}, which refers to ${this.#options.what}, is an index: it is not carried along`;
      this.#options.emit({ type: 'warning', message });
      return;
    }
    const known = this.#found.get(digest);
    if (known === undefined && this.#found.size >= ATTACHED_LIMIT) {
      this.#options.emit({
        type: 'warning',
        message: `More than ${ATTACHED_LIMIT} manifests refer to ${this.#options.what}: ${digest} is not carried along`,
      });
      return;
    }
    if (known === undefined) this.#fresh.push(digest);
    const tags = [...new Set([...(known?.tags ?? []), ...(tag === undefined ? [] : [tag])])].toSorted();
    this.#found.set(digest, { manifest: { mediaType, digest, size }, ...factsOf(document), tags, blobs: blobsOf(document) });
  }
}

/** The fields of a referrers list for a manifest (distribution-spec, Listing Referrers). */
function factsOf(document: ImageDocument): Pick<AttachedManifest, 'subject' | 'artifactType' | 'annotations'> {
  const annotations = parseJsonObject(document.bytes)?.['annotations'];
  const texts =
    typeof annotations === 'object' && annotations !== null
      ? Object.entries(annotations).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      : [];
  return {
    ...(document.subject === undefined ? {} : { subject: document.subject.digest }),
    artifactType: document.artifactType ?? document.config.mediaType,
    ...(texts.length === 0 ? {} : { annotations: Object.fromEntries(texts.toSorted(([left], [right]) => (left < right ? -1 : 1))) }),
  };
}

function blobsOf({ config, layers }: ImageDocument): Descriptor[] {
  const all = [config, ...layers].map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  return [...new Map(all.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function descriptorOf({ mediaType, bytes }: ManifestDocument): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}
