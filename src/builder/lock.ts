import { readFile } from 'node:fs/promises';
import type * as z from 'zod';
import { CaissonError, errnoOf, formatSize, InvalidInputError, messageOf, sortedBy, type InputProblem } from '../core/index.ts';
import { formatPath, parseBoundedJson, writeFileAtomic } from '../io/index.ts';
import { formatOfLocked } from '../ospkg/index.ts';
import { LOCK_API_VERSION, lockSchema } from './lock-schema.ts';

/**
 * The resolved inputs of a build: digests and sizes of every image, package, file and executable. Two builds from the
 * same lock give the same bytes. Written as bundle.lock.json; it holds no address of a mirror, no credential and no
 * clock time.
 */
export type BundleLock = DeepReadonly<z.infer<typeof lockSchema>>;
/** One line of images.txt, resolved. `origin` is the canonical reference by digest. */
export type LockedImage = BundleLock['images'][number];
/** A manifest attached to an image: a signature, an SBOM, an attestation. */
export type LockedAttached = NonNullable<LockedImage['attached']>[number];
/** A manifest that is no container image. */
export type LockedArtifact = NonNullable<LockedImage['artifacts']>[number];
export type LockedDescriptor = LockedImage['root'];
/** The packages of one operating system for one architecture. `inputs` is the digest of the request. */
export type LockedOperatingSystem = BundleLock['operatingSystems'][number];
export type LockedPackage = LockedOperatingSystem['packages'][number];
export type LockedExecutable = BundleLock['executables'][number];
export type LockedFile = BundleLock['files'][number];
/** One line of files.txt with the digest that it promises, or that was found. */
export type LockedListedFile = NonNullable<BundleLock['listedFiles']>[number];

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** Most problems that are reported for one lock, and most characters of each. */
const PROBLEM_LIMIT = 200;
const SHOWN = 500;

/** Most bytes of a lock that are read. */
export const LOCK_LIMIT = 64 * 1024 * 1024;

/** The lock of a file, or undefined when there is no such file. Throws INPUT_INVALID with every mistake in it. */
export async function readLock(path: string): Promise<BundleLock | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read lock "${path}": ${messageOf(error)}`, { cause: error });
  }
  if (bytes.byteLength > LOCK_LIMIT) {
    throw new CaissonError('LIMIT_EXCEEDED', `Cannot read lock "${path}": it is larger than ${formatSize(LOCK_LIMIT)}`);
  }
  return parseLock(bytes.toString('utf8'), path);
}

/** Reads the text of a lock strictly. `file` is its name in messages. Throws INPUT_INVALID with every mistake in it. */
export function parseLock(text: string, file: string): BundleLock {
  const hint = 'Run the build without --frozen to write the lock again, or restore the file';
  let document: unknown;
  try {
    document = parseBoundedJson(text);
  } catch (error) {
    throw new InvalidInputError(file, [{ reason: `is not JSON: ${messageOf(error)}` }], { hint, cause: error });
  }
  refuseOtherVersions(document, file);
  const parsed = lockSchema.safeParse(document);
  if (!parsed.success) {
    const problems = parsed.error.issues
      .slice(0, PROBLEM_LIMIT)
      .map(({ path, message }) => ({ path: formatPath(path).slice(0, SHOWN), reason: message.slice(0, SHOWN) }));
    throw new InvalidInputError(file, problems, { hint });
  }
  const problems = contradictionsOf(parsed.data);
  if (problems.length > 0) throw new InvalidInputError(file, problems, { hint });
  return orderLock(parsed.data);
}

/** The one text of a lock: sorted, two spaces, a newline at the end. */
export function formatLock(lock: BundleLock): string {
  return `${JSON.stringify(orderLock(lock), null, 2)}\n`;
}

/** Writes the lock at once or not at all; false when the file says the same already. */
export async function writeLock(path: string, lock: BundleLock): Promise<boolean> {
  const text = formatLock(lock);
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before === text) return false;
  await writeFileAtomic(path, text);
  return true;
}

/** The lock with all lists sorted and without fields that a lock does not record. */
export function orderLock(lock: BundleLock): BundleLock {
  const { date, platforms, images, operatingSystems, executables, files, listedFiles = [] } = lock;
  return {
    apiVersion: LOCK_API_VERSION,
    kind: 'BundleLock',
    date,
    platforms,
    images: sortedBy(images, (image) => image.name).map(imageInOrder),
    operatingSystems: sortedBy(operatingSystems, (os) => `${os.id} ${os.architecture}`).map((os) => formatOfLocked(os).lockInOrder(os)),
    executables: sortedBy(executables, (file) => file.platform).map((file) => ({
      platform: file.platform,
      digest: file.digest,
      size: file.size,
    })),
    files: sortedBy(files, (file) => file.path).map((file) => ({ path: file.path, digest: file.digest, size: file.size })),
    ...(listedFiles.length === 0
      ? {}
      : { listedFiles: sortedBy(listedFiles, ({ name }) => name).map(({ name, url, digest, size }) => ({ name, url, digest, size })) }),
  };
}

function imageInOrder(image: LockedImage): LockedImage {
  const { source, name, origin, platforms, root, documents, manifests, artifacts, attached } = image;
  return {
    source,
    name,
    origin,
    platforms,
    root: descriptorInOrder(root),
    documents: documents.map(descriptorInOrder),
    manifests: manifests.map(({ platform, manifest, config, layers }) => ({
      platform,
      manifest: descriptorInOrder(manifest),
      config: descriptorInOrder(config),
      layers: layers.map(descriptorInOrder),
    })),
    ...(artifacts === undefined ? {} : { artifacts: artifacts.map(artifactInOrder) }),
    ...(attached === undefined ? {} : { attached: sortedBy(attached, ({ manifest }) => manifest.digest).map(attachedInOrder) }),
  };
}

/** The fields of an artifact that the lock records. */
export function artifactInOrder({ manifest, artifactType, blobs }: LockedArtifact): LockedArtifact {
  return { manifest: descriptorInOrder(manifest), artifactType, blobs: blobs.map(descriptorInOrder) };
}

/** The fields of an attached manifest that the lock records. */
export function attachedInOrder({ manifest, subject, artifactType, annotations, tags, blobs }: LockedAttached): LockedAttached {
  return {
    manifest: descriptorInOrder(manifest),
    ...(subject === undefined ? {} : { subject }),
    artifactType,
    ...(annotations === undefined ? {} : { annotations: Object.fromEntries(sortedBy(Object.entries(annotations), ([key]) => key)) }),
    tags: tags.toSorted(),
    blobs: blobs.map(descriptorInOrder),
  };
}

/** The fields of a descriptor that the lock records. */
export function descriptorInOrder({ mediaType, digest, size, urls }: LockedDescriptor): LockedDescriptor {
  return { mediaType, digest, size, ...(urls === undefined ? {} : { urls: [...urls] }) };
}

function refuseOtherVersions(document: unknown, file: string): void {
  if (typeof document !== 'object' || document === null || !('apiVersion' in document)) return;
  const { apiVersion } = document;
  if (apiVersion === LOCK_API_VERSION || typeof apiVersion !== 'string' || !apiVersion.startsWith('caisson.lock/')) return;
  throw new InvalidInputError(file, [{ path: 'apiVersion', reason: `is "${apiVersion}", this Caisson reads "${LOCK_API_VERSION}"` }], {
    hint: 'Use the Caisson that wrote the lock, or delete the lock and resolve again',
  });
}

/** Mistakes that a schema cannot find: names that occur twice, documents that an image needs and does not list. */
function contradictionsOf(lock: BundleLock): InputProblem[] {
  const problems = [
    ...repeated(lock.images, 'images', ({ name }) => name),
    ...repeated(lock.operatingSystems, 'operatingSystems', ({ id, architecture }) => `${id} ${architecture}`),
    ...repeated(lock.executables, 'executables', ({ platform }) => platform),
    ...repeated(lock.files, 'files', ({ path }) => path),
    ...repeated(lock.listedFiles ?? [], 'listedFiles', ({ name }) => name),
  ];
  lock.images.forEach((image, index) => {
    const documents = new Set(image.documents.map(({ digest }) => digest));
    const { artifacts = [], manifests } = image;
    if (artifacts.length === 0 && (manifests.length === 0 || image.platforms.length === 0))
      problems.push({ path: `images[${index}].manifests`, reason: 'is empty, and the image is no artifact' });
    for (const { digest } of [image.root, ...[...manifests, ...artifacts].map(({ manifest }) => manifest)]) {
      if (!documents.has(digest)) problems.push({ path: `images[${index}].documents`, reason: `lacks "${digest}", which the image needs` });
    }
  });
  return problems;
}

function repeated<T>(items: readonly T[], path: string, keyOf: (item: T) => string): InputProblem[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const key = keyOf(item);
    if (seen.has(key)) return [{ path: `${path}[${index}]`, reason: `names "${key}" a second time` }];
    seen.add(key);
    return [];
  });
}
