import pLimit from 'p-limit';
import { digestOf, type Clock, type Digest, type Emit } from '../core/index.ts';
import { closePackages, loadAptIndex, type AptSource, type FetchFile, type PackageSet } from '../ospkg/index.ts';
import { formatDate } from './content-date.ts';
import type { LockedOperatingSystem } from './lock.ts';
import { orUnresolved, type Unresolved } from './unresolved.ts';

/** The packages of one operating system for one architecture. */
export interface PackageRequest {
  /** Such as debian-12; the repository in the bundle is called so. */
  readonly id: string;
  readonly codename: string;
  /** Debian's word: amd64, arm64. */
  readonly architecture: string;
  readonly sources: readonly AptSource[];
  readonly sets: readonly PackageSet[];
  /** Packages of these priorities are shipped besides what the sets need. */
  readonly base: { readonly priorities: readonly string[] };
}

export interface PackageTools {
  /** Asks canonical addresses; mirrors are behind it. */
  readonly fetch: FetchFile;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** The index of a distribution needs about 60 MB while it is solved: not two at once. */
const SOLVED_AT_ONCE = 1;

/** Solves each request; one that fails is a value among the results. Results are in the order of the requests. */
export async function resolvePackages(
  requests: readonly PackageRequest[],
  tools: PackageTools,
): Promise<(LockedOperatingSystem | Unresolved)[]> {
  const limit = pLimit(SOLVED_AT_ONCE);
  return Promise.all(
    requests.map((request) =>
      limit(() => orUnresolved(`packages of ${request.id} for ${request.architecture}`, () => resolveRequest(request, tools))),
    ),
  );
}

/** The digest of everything that the answer to a request depends on, as far as this side decides it. */
export function digestOfRequest(request: PackageRequest): Digest {
  const { id, codename, architecture, sources, sets, base } = request;
  const relevant = {
    id,
    codename,
    architecture,
    sources: sources.map(({ url, suites, components, keyring }) => ({ url, suites, components, keyring: digestOf(keyring) })),
    sets: sets.map(({ name, packages }) => ({ name, packages })),
    base: base.priorities,
  };
  return digestOf(JSON.stringify(relevant));
}

async function resolveRequest(request: PackageRequest, tools: PackageTools): Promise<LockedOperatingSystem> {
  const { id, codename, architecture, sources, sets, base } = request;
  const { clock, emit, signal } = tools;
  const stop = signal === undefined ? {} : { signal };
  const index = await loadAptIndex(sources, { architecture, fetch: tools.fetch, clock, emit, ...stop });
  signal?.throwIfAborted();
  const closure = await closePackages(index, { sets, base, ...stop });
  return {
    id,
    architecture,
    codename,
    inputs: digestOfRequest(request),
    releases: index.releases.map((release) => ({ ...release, date: formatDate(new Date(release.date)) })),
    packages: closure.packages.map(({ record, sets: neededBy }) => ({
      name: record.name,
      version: record.version,
      architecture: record.architecture,
      source: record.source,
      repository: record.repository,
      filename: record.filename,
      size: record.size,
      digest: record.digest,
      sets: neededBy,
      stanza: record.stanza,
    })),
  };
}
