import { CaissonError, type Clock, type Digest, digestOf, type Emit, silent } from '../../core/index.ts';
import type { FetchFile } from '../package.ts';
import type { AptRelease } from './documents.ts';
import { PackageTable } from './package-table.ts';
import { FLAT, readPackagesIndex, type TrustedSuite } from './packages-index.ts';
import { checkRelease, parseReleaseFile } from './release-file.ts';
import { verifyDetachedRelease, verifyInRelease, type TrustedRelease } from '../release-signature.ts';

/** A repository as a sources.list names it. */
export interface AptSource {
  /** Base URL: the directory that holds dists/ and pool/, or that the directories of `suites` are in. */
  readonly url: string;
  /** Names of suites, or directories, which end in a slash, with a Packages file of their own. */
  readonly suites: readonly string[];
  /** Of the suites that have names. */
  readonly components: readonly string[];
  /** Patterns of packages that are taken from here, also where others have newer ones. */
  readonly prefer?: readonly string[];
  /** Public keys of which one must have signed each suite; binary or armored. */
  readonly keyring: Uint8Array;
}

/** Everything that the given repositories offer for one architecture; several versions of a package where suites differ. */
export interface AptIndex {
  readonly architecture: string;
  readonly records: PackageTable;
  readonly releases: readonly AptRelease[];
}

export interface LoadAptIndexOptions {
  /** Debian's word: amd64, arm64. */
  readonly architecture: string;
  readonly fetch: FetchFile;
  readonly clock: Clock;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

/** Most bytes of an InRelease file; Debian's are 150 KB. */
const RELEASE_LIMIT = 16 * 2 ** 20;

/**
 * Reads the metadata of repositories and checks it before use: releases against the keyring, indexes against the
 * releases. Order counts: of equal versions the first source's is taken. Throws REPOSITORY_UNTRUSTED,
 * REPOSITORY_EXPIRED, REPOSITORY_INVALID, DIGEST_MISMATCH, COMPRESSION_INVALID, LIMIT_EXCEEDED and the errors of
 * `fetch`.
 */
export async function loadAptIndex(sources: readonly AptSource[], options: LoadAptIndexOptions): Promise<AptIndex> {
  const wanted = sources.flatMap((source) => source.suites.map((suite) => ({ source, suite })));
  const suites = await Promise.all(wanted.map(async ({ source, suite }) => await loadSuite(source, suite, options)));
  const records = new PackageTable();
  for (const suite of suites) {
    for (const message of suite.warnings) options.emit?.({ type: 'warning', message });
    for (const component of suite.components) await loadComponent(suite, component, options, records);
  }
  return { architecture: options.architecture, records, releases: suites.map((suite) => suite.summary) };
}

interface LoadedSuite extends TrustedSuite {
  readonly components: readonly string[];
  readonly summary: AptRelease;
  readonly warnings: readonly string[];
}

/** Paragraphs that cannot be used, of one index, after which the others are only counted. */
const TOLD_PARAGRAPHS = 20;

async function loadSuite(source: AptSource, suite: string, options: LoadAptIndexOptions): Promise<LoadedSuite> {
  const repository = source.url.replace(/\/+$/, '');
  const directory = directoryOf(repository, suite, options.architecture);
  const { text, digest, url, signedAt, weakness } = await fetchRelease(directory, source.keyring, options);
  const release = parseReleaseFile(text, url);
  const warnings = checkRelease(release, { suite, repository, now: options.clock.now(), what: url });
  const date = (release.date ?? signedAt).toISOString();
  return {
    repository,
    suite,
    directory,
    release,
    prefer: source.prefer ?? [],
    components: suite.endsWith('/') ? [FLAT] : source.components,
    summary: { url: repository, suite, codename: release.codename || release.suite || suite, date, digest },
    warnings: [...warnings, ...(weakness === undefined ? [] : [`${weakness} has signed "${url}"`])],
  };
}

/** sources.list(5): a suite that ends in a slash is a directory below the URL. $(ARCH) stands for the architecture there. */
function directoryOf(repository: string, suite: string, architecture: string): string {
  if (!suite.endsWith('/')) return `${repository}/dists/${suite}`;
  const parts = suite.replaceAll('$(ARCH)', architecture).split('/');
  return [repository, ...parts.filter((part) => part !== '' && part !== '.')].join('/');
}

async function fetchRelease(
  directory: string,
  keyring: Uint8Array,
  options: LoadAptIndexOptions,
): Promise<TrustedRelease & { readonly digest: Digest; readonly url: string }> {
  const limit = { limit: RELEASE_LIMIT, ...(options.signal === undefined ? {} : { signal: options.signal }) };
  const now = options.clock.now();
  const url = `${directory}/InRelease`;
  const inRelease = await options.fetch(url, limit);
  if (inRelease !== undefined)
    return { ...(await verifyInRelease(inRelease, { keyring, now, what: url })), digest: digestOf(inRelease), url };

  const plain = `${directory}/Release`;
  const [release, signature] = await Promise.all([options.fetch(plain, limit), options.fetch(`${plain}.gpg`, limit)]);
  if (release === undefined) {
    throw new CaissonError('REPOSITORY_INVALID', `Cannot find a repository at "${directory}": it has neither InRelease nor Release`, {
      hint: 'Check url and suites of the repository: the address is <url>/dists/<suite>, or <url>/<suite> for a suite that ends in a slash',
    });
  }
  if (signature === undefined) {
    throw new CaissonError('REPOSITORY_UNTRUSTED', `Cannot trust "${plain}": it has no signature`, {
      hint: 'Caisson reads signed repositories only: sign it, giving InRelease or Release.gpg',
    });
  }
  return { ...(await verifyDetachedRelease(release, signature, { keyring, now, what: plain })), digest: digestOf(release), url: plain };
}

async function loadComponent(suite: LoadedSuite, component: string, options: LoadAptIndexOptions, records: PackageTable): Promise<void> {
  const { emit = silent, clock } = options;
  const id = `packages:${suite.repository}/${suite.suite}/${component}`;
  const title = component === FLAT ? `Packages of ${suite.directory}` : `Packages of ${suite.suite}/${component}`;
  const start = clock.monotonic();
  emit({ type: 'task.started', id, title });
  const before = records.length;
  const unusableBefore = records.unusable.length;
  await readPackagesIndex(suite, component, options, records);
  const unusable = records.unusable.slice(unusableBefore);
  for (const { reason } of unusable.slice(0, TOLD_PARAGRAPHS)) emit({ type: 'warning', message: `${reason}; the package is left out` });
  if (unusable.length > TOLD_PARAGRAPHS) {
    emit({
      type: 'warning',
      message: `${unusable.length - TOLD_PARAGRAPHS} more packages of "${suite.directory}" are left out like these`,
    });
  }
  emit({ type: 'task.finished', id, title, summary: `${records.length - before} packages`, ms: clock.monotonic() - start });
}
