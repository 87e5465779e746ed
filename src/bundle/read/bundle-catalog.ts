import * as z from 'zod';
import { isDigest, type Digest } from '../../core/index.ts';
import { parseBoundedJson } from '../../io/index.ts';
import type { AttachedManifest, Descriptor, ImageCatalog } from '../../oci/index.ts';
import type { BundleImage } from '../format/manifest.ts';
import { blobPath, compareText } from '../format/member-path.ts';
import type { BundleReader } from './reader.ts';

const INDEX_LIMIT = 4 * 1024 * 1024;

/** The fields of an index that the catalog needs. */
const indexDocument = z.object({
  manifests: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.custom<Digest>((value) => typeof value === 'string' && isDigest(value)),
      size: z.int().nonnegative(),
    }),
  ),
});

/** Indexes and manifests of images, by the name of the image, for a reader that may lack their bytes. */
export type KnownDocuments = ReadonlyMap<string, readonly Descriptor[]>;

/**
 * The bundle's images by full name: tags from the names, digests for their indexes, platform manifests and every other
 * child of an index that the bundle holds, and manifests attached to images: by their tags, by digest and as referrers.
 */
export async function bundleCatalog(reader: BundleReader, known?: KnownDocuments): Promise<ImageCatalog> {
  const repositories = new Map<string, Map<string, Descriptor>>();
  const referrers = new Map<string, readonly AttachedManifest[]>();
  for (const image of reader.manifest.images) {
    const { repository, tag } = splitName(image.name);
    const found = repositories.get(repository) ?? new Map<string, Descriptor>();
    repositories.set(repository, found);
    if (tag !== undefined) found.set(tag, image.root);
    for (const descriptor of known?.get(image.name) ?? (await documentsOf(reader, image))) found.set(descriptor.digest, descriptor);
    for (const { manifest, tags } of image.attached ?? []) for (const key of [manifest.digest, ...tags]) found.set(key, manifest);
    referrers.set(repository, [...(referrers.get(repository) ?? []), ...(image.attached ?? [])]);
  }
  const names = [...repositories.keys()].sort(compareText);
  const tags = new Map(
    [...repositories].map(([name, found]) => [name, [...found.keys()].filter((key) => !isDigest(key)).sort(compareText)]),
  );
  return {
    repositories: () => names,
    tags: (repository) => tags.get(repository),
    find: (repository, reference) => repositories.get(repository)?.get(reference),
    referrers: (repository, subject) => referrersOf(referrers.get(repository) ?? [], subject),
  };
}

/** As a registry lists them: each once, however many tags of the repository it is attached to. */
function referrersOf(attached: readonly AttachedManifest[], subject: string): readonly (Descriptor & { readonly artifactType: string })[] {
  const found = attached.filter((item) => item.subject === subject);
  return [
    ...new Map(
      found.map(({ manifest, artifactType, annotations }) => [
        manifest.digest,
        { ...manifest, artifactType, ...(annotations === undefined ? {} : { annotations }) },
      ]),
    ).values(),
  ];
}

async function documentsOf(reader: BundleReader, image: BundleImage): Promise<readonly Descriptor[]> {
  const manifests = [...image.platforms, ...(image.artifacts ?? [])].map(({ manifest }) => manifest);
  if (manifests.some(({ digest }) => digest === image.root.digest)) return manifests;
  const index = indexDocument.safeParse(parseJson(await reader.read(blobPath(image.root.digest), { limit: INDEX_LIMIT })));
  const children = index.success ? index.data.manifests.filter(({ digest, size }) => reader.entry(blobPath(digest))?.size === size) : [];
  return [...children, ...manifests, image.root];
}

function parseJson(bytes: Buffer): unknown {
  try {
    return parseBoundedJson(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** A name is repository:tag; a digest behind it is not part of either. */
function splitName(name: string): { readonly repository: string; readonly tag: string | undefined } {
  const plain = name.split('@', 1)[0] ?? name;
  const colon = plain.lastIndexOf(':');
  if (colon <= plain.lastIndexOf('/')) return { repository: plain, tag: undefined };
  return { repository: plain.slice(0, colon), tag: plain.slice(colon + 1) };
}
