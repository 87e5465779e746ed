import pLimit from 'p-limit';
import { CaissonError, digestOf, type Digest, type Emit } from '../core/index.ts';
import { parseJsonObject, type BlobStore, type Descriptor } from '../oci/index.ts';
import { RegistryError, type RegistryWriter } from '../registry/index.ts';
import type { Failures } from './failures.ts';
import { readDocument, type PushImage, type PushPlan } from './plan.ts';
import { isPresent, type ImageOutcome } from './report.ts';
import { placeOf, type Survey } from './survey.ts';

export interface PushImagesOptions {
  readonly jobs: number;
  readonly reduceIndexes: boolean;
  readonly failures: Failures;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

export interface PushedImage {
  readonly outcome: ImageOutcome;
  /** Digest that the tag names now. */
  readonly stored: Digest;
}

/**
 * Puts the manifests and indexes of every image whose blobs are there, children before those that list them and the tag
 * with the last. Gives the outcome of each image; an image that failed or was not tried is absent.
 */
export async function pushImages(
  plan: PushPlan,
  survey: Survey,
  store: BlobStore,
  registry: RegistryWriter,
  options: PushImagesOptions,
): Promise<ReadonlyMap<PushImage, PushedImage>> {
  const { failures, signal } = options;
  const limit = pLimit(options.jobs);
  const pushed = new Map<PushImage, PushedImage>();
  const push = async (image: PushImage): Promise<void> => {
    const { repository, root } = image;
    if (image.blobs.some(({ digest }) => failures.of({ repository, digest }) !== undefined)) return;
    if (isPresent(image, survey)) {
      pushed.set(image, { outcome: 'present', stored: root.digest });
      return;
    }
    await failures.watch({ repository, digest: nameDigest(image) }, async () => {
      for (const document of image.documents.slice(0, -1)) {
        if (survey.documents.has(placeOf(repository, document.digest))) continue;
        await registry.putManifest(repository, document.digest, document, await readDocument(store, document), { signal });
      }
      pushed.set(image, await pushRoot(image, survey, store, registry, options));
    });
  };
  await Promise.all(plan.images.map((image) => limit(() => push(image))));
  return pushed;
}

/** Key of an image's failures: several names of a repository may have one root. */
export function nameDigest({ name, root }: PushImage): Digest {
  return digestOf(`${name} ${root.digest}`);
}

async function pushRoot(
  image: PushImage,
  survey: Survey,
  store: BlobStore,
  registry: RegistryWriter,
  { reduceIndexes, signal, emit }: PushImagesOptions,
): Promise<PushedImage> {
  const { repository, tag, absent } = image;
  const root = image.documents.at(-1) ?? image.root;
  const bytes = await readDocument(store, root);
  try {
    await registry.putManifest(repository, tag ?? root.digest, root, bytes, { signal });
    return { outcome: 'pushed', stored: root.digest };
  } catch (error) {
    if (absent === 0 || !isRefusedIndex(error)) throw error;
    const [platform, ...others] = image.platforms;
    const isSingle = platform !== undefined && others.length === 0;
    if (tag === undefined || !(isSingle || reduceIndexes)) throw sparseRefused(image, error);
    const instead = isSingle
      ? { descriptor: platform.manifest, bytes: await readDocument(store, platform.manifest) }
      : reduced(image, root, bytes);
    emit({ type: 'warning', message: describeInstead(image, instead.descriptor.digest, isSingle ? platform.platform : undefined) });
    if (survey.tags.get(image) !== instead.descriptor.digest) {
      await registry.putManifest(repository, tag, instead.descriptor, instead.bytes, { signal });
    }
    return { outcome: 'reduced', stored: instead.descriptor.digest };
  }
}

/** True for a refusal of an index whose manifests the registry lacks; registries use different codes for it. */
function isRefusedIndex(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.code === 'PUSH_REFUSED' && [400, 404, 409, 422].includes(error.status);
}

/** The index without the manifests that the bundle does not hold. */
function reduced(image: PushImage, root: Descriptor, bytes: Buffer): { descriptor: Descriptor; bytes: Buffer } {
  const index = parseJsonObject(bytes) ?? {};
  const held = new Set<unknown>(image.documents.map(({ digest }) => digest));
  const listed: unknown = index['manifests'];
  const manifests = (Array.isArray(listed) ? listed : []).filter((entry: unknown) => {
    return typeof entry === 'object' && entry !== null && 'digest' in entry && held.has(entry.digest);
  });
  const own = Buffer.from(JSON.stringify({ ...index, manifests }));
  return { descriptor: { mediaType: root.mediaType, digest: digestOf(own), size: own.byteLength }, bytes: own };
}

function describeInstead({ name, absent, root }: PushImage, stored: Digest, platform: string | undefined): string {
  const what = platform === undefined ? 'an index of the platforms in the bundle' : `the image for ${platform}`;
  return `The registry refuses the index of "${name}" because ${absent} of its manifests are not in the bundle: its tag stands for ${what} (${stored}), and ${root.digest} cannot be pulled there`;
}

function sparseRefused({ name, absent }: PushImage, cause: RegistryError): CaissonError {
  return new CaissonError(
    'PUSH_REFUSED',
    `Cannot push "${name}": its index lists ${absent} manifests that are not in the bundle, and the registry refuses such an index (it answered ${cause.status})`,
    { cause, hint: 'Put an index of only the platforms in the bundle, which has another digest, under the tags: --reduce-indexes' },
  );
}
