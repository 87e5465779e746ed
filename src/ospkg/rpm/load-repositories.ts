import { digestOf, type Emit, silent } from '../../core/index.ts';
import type { LockedRelease } from '../package.ts';
import { installableOn } from './architecture.ts';
import { readModules, type ModuleDefault, type ModuleMetadata, type ModuleStream } from './module-documents.ts';
import { openList, openRepository, type LoadRpmOptions } from './open-repository.ts';
import type { RpmSource } from './package-source.ts';
import { RpmTable } from './package-table.ts';
import type { RpmOrigin } from './rpm-package.ts';
import { splitPackageElements } from './split-elements.ts';

/** Everything that the given repositories offer for one architecture. */
export interface RpmIndex {
  readonly architecture: string;
  readonly table: RpmTable;
  readonly releases: readonly LockedRelease[];
  readonly modules: ModuleMetadata;
}

/** Packages that cannot be used, of one repository, after which the others are only counted. */
const TOLD_PACKAGES = 20;

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
  const title = `Packages of ${source.url.replaceAll('$basearch', architecture)}`;
  const id = title.replace('Packages of ', 'packages:');
  const start = clock.monotonic();
  emit({ type: 'task.started', id, title });
  const { repository, bytes, repomd, signedAt, primary, openPrimary } = await openRepository(source, options);
  const filelists = repomd.files.get('filelists');
  const origin: RpmOrigin = {
    repository,
    what: `${repository}/${primary.path}`,
    prefer: source.prefer ?? [],
    isHotfix: source.moduleHotfixes ?? false,
    reopen: openPrimary,
    openFilelists: filelists === undefined ? undefined : async () => (await openList(repository, filelists, options))(),
  };
  const words = new Set([...installableOn(architecture), 'noarch']);
  const before = { packages: table.length, unusable: table.unusable.length };
  for await (const slice of splitPackageElements(openPrimary(), origin.what)) {
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

function warn(table: RpmTable, from: number, what: string, emit: Emit): void {
  const unusable = table.unusable.slice(from);
  for (const { name, reason } of unusable.slice(0, TOLD_PACKAGES)) {
    emit({ type: 'warning', message: `Cannot use package "${name}" of "${what}": ${reason}; it is left out` });
  }
  if (unusable.length > TOLD_PACKAGES) {
    emit({ type: 'warning', message: `${unusable.length - TOLD_PACKAGES} more packages of "${what}" are left out like these` });
  }
}
