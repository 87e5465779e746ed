import { CaissonError, type Clock, digestOf, type Emit, silent } from '../../core/index.ts';
import { decompressChunks } from '../../io/index.ts';
import { requireListed, verified } from '../file-hash.ts';
import type { FetchFile, LockedRelease } from '../package.ts';
import { verifyDetachedRelease } from '../release-signature.ts';
import { installableOn } from './architecture.ts';
import { readModules, type ModuleDefault, type ModuleMetadata, type ModuleStream } from './module-documents.ts';
import type { RpmSource } from './package-source.ts';
import { RpmTable } from './package-table.ts';
import { parseRepomd, type RepomdFile } from './repomd.ts';
import type { RpmOrigin } from './rpm-package.ts';
import { splitPackageElements } from './split-elements.ts';

/** Everything that the given repositories offer for one architecture. */
export interface RpmIndex {
  readonly architecture: string;
  readonly table: RpmTable;
  readonly releases: readonly LockedRelease[];
  readonly modules: ModuleMetadata;
}

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

/** Packages that cannot be used, of one repository, after which the others are only counted. */
const TOLD_PACKAGES = 20;

const MISMATCH_HINT = 'The mirror may be in the middle of an update: try again in some minutes, or use another mirror';

/**
 * Reads the metadata of repositories and checks it before use: repomd.xml against its signature where the repository has one,
 * every list against repomd.xml. Order counts: of equal versions the first repository's is taken. Throws REPOSITORY_UNTRUSTED,
 * REPOSITORY_INVALID, DIGEST_MISMATCH, COMPRESSION_INVALID, LIMIT_EXCEEDED and the errors of `fetch`.
 */
export async function loadRpmRepositories(sources: readonly RpmSource[], options: LoadRpmOptions): Promise<RpmIndex> {
  const table = new RpmTable();
  const releases: LockedRelease[] = [];
  const streams: ModuleStream[] = [];
  const defaults: ModuleDefault[] = [];
  for (const source of sources) {
    const { release, modules } = await loadRepository(source, options, table);
    releases.push(release);
    streams.push(...modules.streams);
    defaults.push(...modules.defaults);
  }
  return { architecture: options.architecture, table, releases, modules: { streams, defaults } };
}

interface LoadedRepository {
  readonly release: LockedRelease;
  readonly modules: ModuleMetadata;
}

async function loadRepository(source: RpmSource, options: LoadRpmOptions, table: RpmTable): Promise<LoadedRepository> {
  const { emit = silent, clock, architecture, signal } = options;
  const repository = source.url.replaceAll('$basearch', architecture).replace(/\/+$/, '');
  const title = `Packages of ${repository}`;
  const id = `packages:${repository}`;
  const start = clock.monotonic();
  emit({ type: 'task.started', id, title });
  const what = `${repository}/repodata/repomd.xml`;
  const bytes = await fetchNeeded(what, REPOMD_LIMIT, options);
  const signedAt = source.signed === 'metadata' ? await checkSignature(source, bytes, what, options) : undefined;
  const repomd = parseRepomd(bytes, what);
  const primary = repomd.files.get('primary');
  if (primary === undefined) throw new CaissonError('REPOSITORY_INVALID', `Cannot use "${what}": it lists no packages`);
  const open = await openList(repository, primary, options);
  const filelists = repomd.files.get('filelists');
  const origin: RpmOrigin = {
    repository,
    what: `${repository}/${primary.path}`,
    prefer: source.prefer ?? [],
    isHotfix: source.moduleHotfixes ?? false,
    reopen: open,
    openFilelists: filelists === undefined ? undefined : async () => (await openList(repository, filelists, options))(),
  };
  const words = new Set([...installableOn(architecture), 'noarch']);
  const before = { packages: table.length, unusable: table.unusable.length };
  for await (const slice of splitPackageElements(open(), origin.what)) {
    signal?.throwIfAborted();
    table.add(slice, origin, (word) => words.has(word));
  }
  warn(table, before.unusable, origin.what, emit);
  const listed = repomd.files.get('modules');
  const modules =
    listed === undefined
      ? { streams: [], defaults: [] }
      : await readModules((await openList(repository, listed, options))(), `${repository}/${listed.path}`);
  emit({ type: 'task.finished', id, title, summary: `${table.length - before.packages} packages`, ms: clock.monotonic() - start });
  const date = repomd.date ?? signedAt ?? new Date(0);
  return { release: { url: repository, date: date.toISOString().replace(/\.\d{3}Z$/, 'Z'), digest: digestOf(bytes) }, modules };
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
async function openList(repository: string, file: RepomdFile, options: LoadRpmOptions): Promise<() => AsyncIterable<Buffer>> {
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

function warn(table: RpmTable, from: number, what: string, emit: Emit): void {
  const unusable = table.unusable.slice(from);
  for (const { name, reason } of unusable.slice(0, TOLD_PACKAGES)) {
    emit({ type: 'warning', message: `Cannot use package "${name}" of "${what}": ${reason}; it is left out` });
  }
  if (unusable.length > TOLD_PACKAGES) {
    emit({ type: 'warning', message: `${unusable.length - TOLD_PACKAGES} more packages of "${what}" are left out like these` });
  }
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.byteLength; start += PIECE) yield bytes.subarray(start, start + PIECE);
}

function signalOf({ signal }: LoadRpmOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
