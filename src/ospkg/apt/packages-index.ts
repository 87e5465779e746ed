import { CaissonError } from '../../core/index.ts';
import { decompressChunks } from '../../io/index.ts';
import type { FetchFile } from '../package.ts';
import { type PackageOrigin, unusable } from './apt-package.ts';
import { splitParagraphs } from './control-file.ts';
import { partsOfHash, requireListed, verified, type ListedFile } from '../file-hash.ts';
import type { PackageTable } from './package-table.ts';
import type { ReleaseFile } from './release-file.ts';

/** Most bytes of an index, compressed or not: Debian's largest is 50 MB. */
const INDEX_LIMIT = 512 * 2 ** 20;

/** Best first: .gz is a third larger than .xz and read four times as fast. debian-security offers .xz alone. */
const EXTENSIONS = ['.gz', '.xz', '.zst', '.lz4', '.bz2', '.lzma', ''] as const;

/** Bytes of an index that are parsed at once. */
const PIECE = 64 * 1024;

/** One suite of one repository, its release already trusted. */
export interface TrustedSuite {
  /** Base URL of the repository, without a trailing slash. */
  readonly repository: string;
  readonly suite: string;
  /** Address of the directory that holds the Release file, without a trailing slash. */
  readonly directory: string;
  readonly release: ReleaseFile;
  /** Patterns of packages that are taken from here, also where others have newer ones. */
  readonly prefer: readonly string[];
}

/** The only component of a suite that is a directory with its own Packages file. */
export const FLAT = '';

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
  const own = component === FLAT ? 'Packages' : `${component}/binary-${options.architecture}/Packages`;
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
  const content = (): AsyncIterable<Buffer> =>
    compressed ? decompressChunks(bytes, { limit, what: url, ...signalOf(options) }) : inPieces(bytes);
  const names = { what: `the content of "${url}"`, hint: MISMATCH_HINT };
  const origin: PackageOrigin = {
    repository: suite.repository,
    architecture: options.architecture,
    suite: suite.suite,
    automatic: suite.release.automatic,
    upgrades: suite.release.upgrades,
    prefer: suite.prefer,
    what: `${suite.directory}/${path}`,
    reopen: () => withoutCarriageReturns(content()),
  };
  const chunks = withoutCarriageReturns(plain === undefined ? content() : verified(content(), plain, names));
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
      await requireListed(bytes, listed, { what: `"${url}"`, hint: MISMATCH_HINT });
      return { bytes, compressed: extension !== '', url };
    }
  }
  throw new CaissonError('REPOSITORY_INVALID', `Cannot read "${path}" of "${suite.suite}": the server has none of its forms`, {
    hint:
      tried.length === 0
        ? `The release lists it in no form that can be read: ${EXTENSIONS.map((extension) => `Packages${extension}`).join(', ')}`
        : `Tried ${tried.join(', ')}. Use another mirror`,
  });
}

/** By digest first: that name never changes its content while a mirror is being updated. */
function addressesOf(suite: TrustedSuite, path: string, listed: ListedFile): string[] {
  const { algorithm, hex } = partsOfHash(listed.digest);
  const plain = `${suite.directory}/${path}`;
  const byDigest = `${plain.slice(0, plain.lastIndexOf('/'))}/by-hash/${algorithm.toUpperCase()}/${hex}`;
  return suite.release.acquireByHash ? [byDigest, plain] : [plain];
}

const MISMATCH_HINT = 'The mirror may be in the middle of an update: try again in some minutes, or use another mirror';

/** Line breaks of another system: when the first line ends so, all carriage returns are left out. */
async function* withoutCarriageReturns(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isForeign: boolean | undefined;
  for await (const chunk of chunks) {
    const feed = isForeign === undefined ? chunk.indexOf('\n') : -1;
    if (feed >= 0) isForeign = chunk[feed - 1] === 0x0d;
    yield isForeign === true ? Buffer.from(chunk.filter((byte) => byte !== 0x0d)) : chunk;
  }
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.byteLength; start += PIECE) yield bytes.subarray(start, start + PIECE);
}

function isListed(release: ReleaseFile, path: string): boolean {
  return EXTENSIONS.some((extension) => release.files.has(path + extension));
}

function notOffered(suite: TrustedSuite, component: string, architecture: string): CaissonError {
  const { components, architectures, files } = suite.release;
  if (component === FLAT) {
    return new CaissonError('REPOSITORY_INVALID', `Cannot find packages in "${suite.directory}": its release lists no Packages file`, {
      hint: `It lists ${[...files.keys()].slice(0, 10).join(', ') || 'no file'}`,
    });
  }
  return new CaissonError(
    'REPOSITORY_INVALID',
    `Cannot find component "${component}" for "${architecture}" in suite "${suite.suite}" of "${suite.repository}"`,
    { hint: `It offers components ${components.join(', ')} for architectures ${architectures.join(', ')}` },
  );
}

function signalOf(options: ReadIndexOptions): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}
