import { createHash } from 'node:crypto';
import { CaissonError, digestFromHex, DigestMismatchError, digestOf, hexOf } from '../../core/index.ts';
import { decompressChunks } from '../../io/index.ts';
import type { FetchFile } from '../package.ts';
import { type PackageOrigin, unusable } from './apt-package.ts';
import { splitParagraphs } from './control-file.ts';
import type { PackageTable } from './package-table.ts';
import type { ListedFile, ReleaseFile } from './release-file.ts';

/** Most bytes of an index, compressed or not: Debian's largest is 50 MB. */
const INDEX_LIMIT = 512 * 2 ** 20;

/** Best first: .gz is a third larger than .xz and read four times as fast. debian-security offers .xz alone. */
const EXTENSIONS = ['.gz', '.xz', ''] as const;

/** Bytes of an index that are parsed at once. */
const PIECE = 64 * 1024;

/** One suite of one repository, its release already trusted. */
export interface TrustedSuite {
  /** Base URL of the repository, without a trailing slash. */
  readonly repository: string;
  readonly suite: string;
  readonly release: ReleaseFile;
}

export interface ReadIndexOptions {
  readonly architecture: string;
  readonly fetch: FetchFile;
  readonly signal?: AbortSignal;
}

/**
 * Adds the packages of one component to a table. Paths are looked up in the list that the release signs, never made from its fields, and
 * every byte is held against that list, compressed and uncompressed. Throws REPOSITORY_INVALID when the component or the
 * architecture is not there, DIGEST_MISMATCH, LIMIT_EXCEEDED.
 */
export async function readPackagesIndex(
  suite: TrustedSuite,
  component: string,
  options: ReadIndexOptions,
  packages: PackageTable,
): Promise<void> {
  const { release } = suite;
  const own = `${component}/binary-${options.architecture}/Packages`;
  const shared = `${component}/binary-all/Packages`;
  if (!isListed(release, own)) throw notOffered(suite, component, options.architecture);
  const paths = release.splitsArchitectureAll && isListed(release, shared) ? [own, shared] : [own];
  for (const path of paths) await readIndex(suite, path, options, packages);
}

async function readIndex(suite: TrustedSuite, path: string, options: ReadIndexOptions, packages: PackageTable): Promise<void> {
  const plain = suite.release.files.get(path);
  if (plain?.size === 0) return;
  const { bytes, compressed, url } = await fetchIndex(suite, path, options);
  const limit = plain?.size ?? INDEX_LIMIT;
  const open = (): AsyncIterable<Buffer> =>
    compressed ? decompressChunks(bytes, { limit, what: url, ...signalOf(options) }) : inPieces(bytes);
  const origin: PackageOrigin = {
    repository: suite.repository,
    architecture: options.architecture,
    automatic: suite.release.automatic,
    what: `${suite.repository}/dists/${suite.suite}/${path}`,
    reopen: open,
  };
  const chunks = plain === undefined ? open() : verified(open(), plain, url);
  for await (const paragraphs of splitParagraphs(chunks, unusable(origin.what))) {
    for (const paragraph of paragraphs) packages.add(paragraph, origin);
  }
}

/** Takes the first form that the release lists and the server has. */
async function fetchIndex(
  suite: TrustedSuite,
  path: string,
  options: ReadIndexOptions,
): Promise<{ bytes: Buffer; compressed: boolean; url: string }> {
  const tried: string[] = [];
  for (const extension of EXTENSIONS) {
    const listed = suite.release.files.get(path + extension);
    if (listed === undefined) continue;
    for (const url of addressesOf(suite, path + extension, listed)) {
      if (listed.size > INDEX_LIMIT) {
        throw new CaissonError('LIMIT_EXCEEDED', `Cannot read "${url}": ${listed.size} bytes are more than ${INDEX_LIMIT}`);
      }
      const bytes = await options.fetch(url, { limit: listed.size, ...signalOf(options) });
      if (bytes === undefined) {
        tried.push(url);
        continue;
      }
      requireDigest(bytes, listed, url);
      return { bytes, compressed: extension !== '', url };
    }
  }
  throw new CaissonError('REPOSITORY_INVALID', `Cannot read "${path}" of "${suite.suite}": the server has none of its forms`, {
    hint: `Tried ${tried.join(', ')}. Use another mirror`,
  });
}

/** By digest first: that name never changes its content while a mirror is being updated. */
function addressesOf(suite: TrustedSuite, path: string, listed: ListedFile): string[] {
  const root = `${suite.repository}/dists/${suite.suite}`;
  const byDigest = `${root}/${path.slice(0, path.lastIndexOf('/'))}/by-hash/SHA256/${hexOf(listed.digest)}`;
  return suite.release.acquireByHash ? [byDigest, `${root}/${path}`] : [`${root}/${path}`];
}

const MISMATCH_HINT = 'The mirror may be in the middle of an update: try again in some minutes, or use another mirror';

function requireDigest(bytes: Buffer, listed: ListedFile, url: string): void {
  const digest = digestOf(bytes);
  if (bytes.byteLength !== listed.size || digest !== listed.digest) {
    throw new DigestMismatchError(`"${url}"`, listed, { digest, size: bytes.byteLength }, { hint: MISMATCH_HINT });
  }
}

async function* verified(chunks: AsyncIterable<Buffer>, listed: ListedFile, url: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.byteLength;
    yield chunk;
  }
  const digest = digestFromHex(hash.digest('hex'));
  if (size !== listed.size || digest !== listed.digest) {
    throw new DigestMismatchError(`the content of "${url}"`, listed, { digest, size }, { hint: MISMATCH_HINT });
  }
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.byteLength; start += PIECE) yield bytes.subarray(start, start + PIECE);
}

function isListed(release: ReleaseFile, path: string): boolean {
  return EXTENSIONS.some((extension) => release.files.has(path + extension));
}

function notOffered(suite: TrustedSuite, component: string, architecture: string): CaissonError {
  const { components, architectures } = suite.release;
  return new CaissonError(
    'REPOSITORY_INVALID',
    `Cannot find component "${component}" for "${architecture}" in suite "${suite.suite}" of "${suite.repository}"`,
    { hint: `It offers components ${components.join(', ')} for architectures ${architectures.join(', ')}` },
  );
}

function signalOf(options: ReadIndexOptions): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}
