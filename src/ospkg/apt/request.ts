import { digestOf, type Digest } from '../../core/index.ts';
import type { LoadedPackages, LoadTools, PackageRequest } from '../format.ts';
import { closePackages } from './closure.ts';
import type { AptLockedSystem, AptSystem } from './documents.ts';
import { loadAptIndex, type AptIndex } from './load-index.ts';
import type { AptPackageSource } from './package-source.ts';

export async function aptSourceOf(
  { packages, codename, repositories, base }: AptSystem,
  readKeyring: (file: string) => Promise<Uint8Array>,
): Promise<AptPackageSource> {
  const sources = await Promise.all(
    repositories.map(async ({ url, suites, components, signedBy }) => {
      return { url: url.replace(/\/+$/, ''), suites, components, keyring: await readKeyring(signedBy) };
    }),
  );
  return { packages, codename, sources, base: { priorities: base.priorities } };
}

/** Locks hold this digest: a change of the digested fields makes every lock out of date. */
export function digestOfAptRequest({ id, architecture, source, sets }: PackageRequest): Digest {
  const { codename, sources, base } = source;
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

export async function loadAptRequest(request: PackageRequest, tools: LoadTools): Promise<LoadedPackages> {
  const index = await loadAptIndex(request.source.sources, { ...tools, architecture: request.architecture });
  return { close: async (options) => closeRequest(request, index, options?.signal) };
}

async function closeRequest(request: PackageRequest, index: AptIndex, signal: AbortSignal | undefined): Promise<AptLockedSystem> {
  const { id, architecture, source, sets } = request;
  const closure = await closePackages(index, { sets, base: source.base, ...(signal === undefined ? {} : { signal }) });
  return {
    id,
    architecture,
    codename: source.codename,
    inputs: digestOfAptRequest(request),
    releases: index.releases.map((release) => ({ ...release, date: release.date.replace(/\.\d{3}Z$/, 'Z') })),
    packages: closure.packages.map(({ record, sets: neededBy }) => ({ ...record, sets: neededBy })),
  };
}
