import { CaissonError, type Clock, type Digest, digestOf, type Emit, silent } from '../../core/index.ts';
import type { FetchFile } from '../package.ts';
import type { AptRelease } from './documents.ts';
import { PackageTable } from './package-table.ts';
import { readPackagesIndex, type TrustedSuite } from './packages-index.ts';
import { checkRelease, parseReleaseFile } from './release-file.ts';
import { verifyDetachedRelease, verifyInRelease } from './release-signature.ts';

/** A repository as a sources.list names it. */
export interface AptSource {
  /** Base URL: the directory that holds dists/ and pool/. */
  readonly url: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
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
    for (const component of suite.components) await loadComponent(suite, component, options, records);
  }
  return { architecture: options.architecture, records, releases: suites.map((suite) => suite.summary) };
}

interface LoadedSuite extends TrustedSuite {
  readonly components: readonly string[];
  readonly summary: AptRelease;
}

async function loadSuite(source: AptSource, suite: string, options: LoadAptIndexOptions): Promise<LoadedSuite> {
  const repository = source.url.replace(/\/+$/, '');
  const { text, digest, url } = await fetchRelease(`${repository}/dists/${suite}`, source.keyring, options);
  const release = parseReleaseFile(text, url);
  checkRelease(release, suite, options.clock.now(), url);
  const summary = { url: repository, suite, codename: release.codename, date: release.date.toISOString(), digest };
  return { repository, suite, release, components: source.components, summary };
}

async function fetchRelease(
  directory: string,
  keyring: Uint8Array,
  options: LoadAptIndexOptions,
): Promise<{ text: string; digest: Digest; url: string }> {
  const limit = { limit: RELEASE_LIMIT, ...(options.signal === undefined ? {} : { signal: options.signal }) };
  const now = options.clock.now();
  const url = `${directory}/InRelease`;
  const inRelease = await options.fetch(url, limit);
  if (inRelease !== undefined)
    return { text: await verifyInRelease(inRelease, { keyring, now, what: url }), digest: digestOf(inRelease), url };

  const plain = `${directory}/Release`;
  const [release, signature] = await Promise.all([options.fetch(plain, limit), options.fetch(`${plain}.gpg`, limit)]);
  if (release === undefined) {
    throw new CaissonError('REPOSITORY_INVALID', `Cannot find a repository at "${directory}": it has neither InRelease nor Release`, {
      hint: 'Check url and suites of the repository: the address is <url>/dists/<suite>',
    });
  }
  if (signature === undefined) {
    throw new CaissonError('REPOSITORY_UNTRUSTED', `Cannot trust "${plain}": it has no signature`, {
      hint: 'Caisson reads signed repositories only: sign it, giving InRelease or Release.gpg',
    });
  }
  return { text: await verifyDetachedRelease(release, signature, { keyring, now, what: plain }), digest: digestOf(release), url: plain };
}

async function loadComponent(suite: LoadedSuite, component: string, options: LoadAptIndexOptions, records: PackageTable): Promise<void> {
  const { emit = silent, clock } = options;
  const id = `packages:${suite.repository}/${suite.suite}/${component}`;
  const title = `Packages of ${suite.suite}/${component}`;
  const start = clock.monotonic();
  emit({ type: 'task.started', id, title });
  const before = records.length;
  await readPackagesIndex(suite, component, options, records);
  emit({ type: 'task.finished', id, title, summary: `${records.length - before} packages`, ms: clock.monotonic() - start });
}
