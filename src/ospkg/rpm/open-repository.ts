import { CaissonError, type Clock, type Emit, silent } from '../../core/index.ts';
import { decompressChunks } from '../../io/index.ts';
import { digestWith, partsOfHash, requireListed, verified } from '../file-hash.ts';
import type { FetchFile } from '../package.ts';
import { verifyDetachedRelease } from '../release-signature.ts';
import { parseMirrorList, type MirrorList } from './mirrors.ts';
import type { RpmSource } from './package-source.ts';
import { parseRepomd, type Repomd, type RepomdFile } from './repomd.ts';

export interface LoadRpmOptions {
  /** rpm's word: x86_64, aarch64. */
  readonly architecture: string;
  readonly fetch: FetchFile;
  readonly clock: Clock;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

/** Most bytes of repomd.xml; those of distributions have 10 KB. */
const REPOMD_LIMIT = 4 * 2 ** 20;

/** Most bytes of a list of packages, compressed. */
const LIST_LIMIT = 512 * 2 ** 20;

/** Most bytes of a list of packages: filelists of a distribution have some hundred MB. */
const CONTENT_LIMIT = 4 * 2 ** 30;

/** Bytes of an uncompressed list that are read at once. */
const PIECE = 64 * 1024;

const MISMATCH_HINT = 'The mirror may be in the middle of an update: try again in some minutes, or use another mirror';

/** A repository whose repomd.xml and list of packages were fetched and checked. */
export interface OpenedRepository {
  /** The directory with repodata, without a trailing slash: that of the mirror that was taken. */
  readonly repository: string;
  /** repomd.xml. */
  readonly bytes: Buffer;
  readonly repomd: Repomd;
  readonly signedAt: Date | undefined;
  readonly primary: RepomdFile;
  /** Opens the list of packages, as often as it is called. */
  readonly openPrimary: () => AsyncIterable<Buffer>;
}

/**
 * Opens a repository, or the first mirror of its list that has it; every mirror that does not is told in a warning. Throws
 * REPOSITORY_UNTRUSTED, REPOSITORY_INVALID, DIGEST_MISMATCH, LIMIT_EXCEEDED and the errors of `fetch`; where no mirror has it,
 * the error of the last one with those of all others.
 */
export async function openRepository(source: RpmSource, options: LoadRpmOptions): Promise<OpenedRepository> {
  const { architecture, emit = silent } = options;
  const address = source.url.replaceAll('$basearch', architecture).replace(/\/+$/, '');
  if (source.mirrors !== true) return openAt(address, source, options, []);
  const bytes = await fetchNeeded(address, REPOMD_LIMIT, options);
  const { mirrors, repomd } = parseMirrorList(bytes, { what: address, architecture });
  const failures: string[] = [];
  for (const mirror of mirrors) {
    options.signal?.throwIfAborted();
    try {
      return await openAt(mirror, source, options, repomd);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      failures.push(error.message);
      emit({ type: 'warning', message: `Cannot use the mirror "${mirror}": ${error.message}` });
    }
  }
  throw new CaissonError('REPOSITORY_INVALID', `Cannot use any of the ${mirrors.length} mirrors of "${address}": ${failures.join('; ')}`, {
    hint: 'Try again later, or name the directory of a mirror that works in url, without `mirrors`',
  });
}

async function openAt(
  repository: string,
  source: RpmSource,
  options: LoadRpmOptions,
  digests: MirrorList['repomd'],
): Promise<OpenedRepository> {
  const what = `${repository}/repodata/repomd.xml`;
  const bytes = await fetchNeeded(what, REPOMD_LIMIT, options);
  if (digests.length > 0 && !digests.some((digest) => digestWith(bytes, partsOfHash(digest).algorithm) === digest)) {
    throw new CaissonError('REPOSITORY_UNTRUSTED', `Cannot trust "${what}": it is not the one that the metalink lists`, {
      hint: MISMATCH_HINT,
    });
  }
  const signedAt = source.signed === 'metadata' ? await checkSignature(source, bytes, what, options) : undefined;
  const repomd = parseRepomd(bytes, what);
  const primary = repomd.files.get('primary');
  if (primary === undefined) throw new CaissonError('REPOSITORY_INVALID', `Cannot use "${what}": it lists no packages`);
  return { repository, bytes, repomd, signedAt, primary, openPrimary: await openList(repository, primary, options) };
}

async function checkSignature(source: RpmSource, repomd: Buffer, what: string, options: LoadRpmOptions): Promise<Date> {
  const signature = await options.fetch(`${what}.asc`, { limit: REPOMD_LIMIT, ...signalOf(options) });
  if (signature === undefined) {
    throw new CaissonError('REPOSITORY_UNTRUSTED', `Cannot trust "${what}": it has no signature`, {
      hint: 'Where the repository signs nothing but its packages, write `signed: packages`: they are checked either way',
    });
  }
  const keyring = Buffer.from(source.keys.join('\n'));
  return (await verifyDetachedRelease(repomd, signature, { keyring, now: options.clock.now(), what })).signedAt;
}

/** Fetches a list and checks it; the returned function reads its content, as often as it is called. */
export async function openList(repository: string, file: RepomdFile, options: LoadRpmOptions): Promise<() => AsyncIterable<Buffer>> {
  const url = `${repository}/${file.path}`;
  if ((file.size ?? 0) > LIST_LIMIT)
    throw new CaissonError('LIMIT_EXCEEDED', `Cannot read "${url}": ${file.size} bytes are more than ${LIST_LIMIT}`);
  const bytes = await fetchNeeded(url, file.size ?? LIST_LIMIT, options);
  const listed = { size: file.size ?? bytes.byteLength, digest: file.hash };
  await requireListed(bytes, listed, { what: `"${url}"`, hint: MISMATCH_HINT });
  const isPlain = bytes.subarray(0, 64).toString('latin1').trimStart().startsWith('<');
  const limit = Math.min(file.openSize ?? CONTENT_LIMIT, CONTENT_LIMIT);
  const content = (): AsyncIterable<Buffer> =>
    isPlain ? inPieces(bytes) : decompressChunks(bytes, { limit, what: url, ...signalOf(options) });
  const { openHash: digest, openSize: size } = file;
  if (isPlain || digest === undefined || size === undefined) return content;
  return () => verified(content(), { digest, size }, { what: `the content of "${url}"`, hint: MISMATCH_HINT });
}

async function fetchNeeded(url: string, limit: number, options: LoadRpmOptions): Promise<Buffer> {
  const bytes = await options.fetch(url, { limit, ...signalOf(options) });
  if (bytes !== undefined) return bytes;
  throw new CaissonError('REPOSITORY_INVALID', `Cannot find "${url}"`, {
    hint: 'Check url of the repository: it is the directory that holds repodata, and $basearch in it stands for the architecture',
  });
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.byteLength; start += PIECE) yield bytes.subarray(start, start + PIECE);
}

function signalOf({ signal }: LoadRpmOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
