import type { BundleImage } from '../bundle/index.ts';
import { CaissonError, digestOf, DigestMismatchError, type Digest } from '../core/index.ts';
import { readLimited } from '../io/index.ts';
import {
  isIndexType,
  isManifestType,
  MANIFEST_SIZE_LIMIT,
  parseManifest,
  type BlobStore,
  type Descriptor,
  type ManifestDocument,
} from '../oci/index.ts';
import { repositoryFor, type Destination } from './destination.ts';

/** The source of a push: the images of a bundle, and the blobs of it and of its bases. */
export interface PushContent {
  readonly images: readonly BundleImage[];
  readonly blobs: BlobStore;
}

/** One image and the name that it gets. */
export interface PushImage {
  /** Its name in the bundle. */
  readonly name: string;
  /** Its repository in the registry. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly root: Descriptor;
  readonly platforms: BundleImage['platforms'];
  /** Indexes and manifests that the bundle holds, children before those that list them; the root is the last. */
  readonly documents: readonly Descriptor[];
  /** Configurations and layers of these. */
  readonly blobs: readonly Descriptor[];
  /** How many manifests its indexes list that the bundle does not hold: other platforms, as a rule. */
  readonly absent: number;
}

/** One blob and the repositories that need it. */
export interface PushBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly repositories: readonly string[];
}

export interface PushPlan {
  readonly images: readonly PushImage[];
  readonly blobs: readonly PushBlob[];
}

/** Deepest nesting of indexes that is read. */
const MAX_DEPTH = 4;

/**
 * Plans which documents and blobs each repository needs, from the bundle alone. Throws PUSH_NAMES_CLASH naming every two
 * images that would get one name, and BLOB_UNKNOWN, DigestMismatchError or IMAGE_UNSUPPORTED for documents that the
 * bundle should hold and does not.
 */
export async function planPush(content: PushContent, destination: Destination, keepDomain: boolean): Promise<PushPlan> {
  const named = content.images.map((image) => ({ image, ...repositoryFor(image.name, destination, keepDomain) }));
  refuseClashes(named, destination, keepDomain);
  const images: PushImage[] = [];
  for (const { image, repository, tag } of named) {
    const graph = await graphOf(content.blobs, image.root);
    const { name, root, platforms } = image;
    images.push({ name, repository, tag, root, platforms, ...graph });
    images.push(...(await attachedImages(content.blobs, image, repository)));
  }
  const blobs = new Map<Digest, { digest: Digest; size: number; repositories: Set<string> }>();
  for (const image of images) {
    for (const { digest, size } of image.blobs) {
      const blob = blobs.get(digest) ?? { digest, size, repositories: new Set() };
      blobs.set(digest, blob);
      blob.repositories.add(image.repository);
    }
  }
  return { images, blobs: [...blobs.values()].map((blob) => ({ ...blob, repositories: [...blob.repositories] })) };
}

/**
 * The manifests attached to an image, as images of its repository: under their digests, where a registry finds them by
 * their subject, and under every tag that they had (cosign's). They belong to no platform, so none is left out.
 */
async function attachedImages(store: BlobStore, { name, attached = [] }: BundleImage, repository: string): Promise<readonly PushImage[]> {
  const images: PushImage[] = [];
  for (const { manifest, tags } of attached) {
    const graph = await graphOf(store, manifest);
    for (const tag of tags.length === 0 ? [undefined] : tags) {
      images.push({ name: `${name}, attached ${tag ?? manifest.digest}`, repository, tag, root: manifest, platforms: [], ...graph });
    }
  }
  return images;
}

/** The bytes of a manifest or index, checked. */
export async function readDocument(blobs: BlobStore, { digest }: Pick<Descriptor, 'digest'>): Promise<Buffer> {
  const bytes = await readLimited(await blobs.open(digest), MANIFEST_SIZE_LIMIT, `manifest "${digest}"`);
  const actual = digestOf(bytes);
  if (actual !== digest) throw new DigestMismatchError(`manifest "${digest}"`, { digest }, { digest: actual, size: bytes.byteLength });
  return bytes;
}

interface Graph {
  readonly documents: Descriptor[];
  readonly blobs: Descriptor[];
  absent: number;
}

async function graphOf(store: BlobStore, root: Descriptor): Promise<Graph> {
  const graph: Graph = { documents: [], blobs: [], absent: 0 };
  const seen = new Set<Digest>();
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (seen.has(descriptor.digest)) return;
    seen.add(descriptor.digest);
    const document = parseManifest(await readDocument(store, descriptor), undefined, `"${descriptor.digest}"`);
    if (document.kind === 'index') {
      for (const child of document.manifests) {
        if (depth < MAX_DEPTH && (await isHeld(store, child))) await visit(child, depth + 1);
        else graph.absent += 1;
      }
    } else await addBlobs(store, document, graph.blobs, seen);
    graph.documents.push({ mediaType: document.mediaType, digest: descriptor.digest, size: document.bytes.byteLength });
  };
  await visit(root, 0);
  return graph;
}

async function isHeld(store: BlobStore, { mediaType, digest, size }: Descriptor): Promise<boolean> {
  return (isIndexType(mediaType) || isManifestType(mediaType)) && (await store.stat(digest))?.size === size;
}

async function addBlobs(
  store: BlobStore,
  document: ManifestDocument & { kind: 'manifest' },
  blobs: Descriptor[],
  seen: Set<Digest>,
): Promise<void> {
  for (const blob of [document.config, ...document.layers]) {
    if (seen.has(blob.digest)) continue;
    seen.add(blob.digest);
    // A bundle does not hold layers that must not be distributed; clients fetch them from the URLs in the manifest.
    if (/foreign|nondistributable/.test(blob.mediaType) && (await store.stat(blob.digest)) === undefined) continue;
    if ((await store.stat(blob.digest)) === undefined) {
      throw new CaissonError('BLOB_UNKNOWN', `Cannot push blob "${blob.digest}": the bundle does not hold it`, {
        hint: 'Run: caisson verify BUNDLE',
      });
    }
    blobs.push(blob);
  }
}

interface Named {
  readonly image: BundleImage;
  readonly repository: string;
  readonly tag?: string;
}

function refuseClashes(named: readonly Named[], { domain }: Destination, keepDomain: boolean): void {
  const first = new Map<string, Named>();
  const clashes: string[] = [];
  for (const item of named) {
    if (item.tag === undefined) continue;
    const target = `${domain}/${item.repository}:${item.tag}`;
    const other = first.get(target);
    if (other === undefined) first.set(target, item);
    else if (other.image.root.digest !== item.image.root.digest) clashes.push(`  "${target}": ${other.image.name} and ${item.image.name}`);
  }
  if (clashes.length === 0) return;
  throw new CaissonError('PUSH_NAMES_CLASH', `Cannot push different images under one name:\n${clashes.join('\n')}`, {
    ...(keepDomain ? {} : { hint: 'Nothing was pushed. Keep the name of the source registry in the path: --keep-domain' }),
  });
}
