import pLimit from 'p-limit';
import type { Clock, Emit } from '../core/index.ts';
import { packageFormat, type FetchFile, type PackageRequest } from '../ospkg/index.ts';
import type { LockedOperatingSystem } from './lock.ts';
import { orUnresolved, type Unresolved } from './unresolved.ts';

export interface PackageTools {
  /** Asks canonical addresses; mirrors are behind it. */
  readonly fetch: FetchFile;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Requests that are solved at the same time: the index of a distribution takes about 60 MB meanwhile. */
const SOLVED_AT_ONCE = 1;

export interface AskedPackages {
  readonly request: PackageRequest;
  /** Versions by name of the package that are kept as long as they are on offer. */
  readonly held?: ReadonlyMap<string, string>;
}

/** Solves each request; one that fails is a value among the results. Results are in the order of the requests. */
export async function resolvePackages(
  requests: readonly AskedPackages[],
  tools: PackageTools,
): Promise<(LockedOperatingSystem | Unresolved)[]> {
  const limit = pLimit(SOLVED_AT_ONCE);
  return Promise.all(
    requests.map((asked) => {
      const { id, architecture } = asked.request;
      return limit(() => orUnresolved(`packages of ${id} for ${architecture}`, () => resolveRequest(asked, tools)));
    }),
  );
}

async function resolveRequest({ request, held }: AskedPackages, tools: PackageTools): Promise<LockedOperatingSystem> {
  const { clock, emit, signal } = tools;
  const stop = signal === undefined ? {} : { signal };
  const loaded = await packageFormat(request.source.packages).load(request, { fetch: tools.fetch, clock, emit, ...stop });
  signal?.throwIfAborted();
  return loaded.close({ ...stop, ...(held === undefined ? {} : { held }) });
}
