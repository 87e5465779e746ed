import { digestOf, type Digest } from '../../core/index.ts';
import type { CloseOptions, LoadedPackages, LoadTools, PackageRequest } from '../format.ts';
import { closePackages } from './closure.ts';
import type { AptBundleRepository, AptLockedSystem, AptSystem } from './documents.ts';
import { loadAptIndex, type AptIndex } from './load-index.ts';
import type { AptPackageSource } from './package-source.ts';

/** A request whose packages are Debian packages. */
interface AptRequest extends PackageRequest {
  readonly source: AptPackageSource;
}

export async function aptSourceOf(
  { packages, codename, repositories, exclude, base }: AptSystem,
  readKeyring: (file: string) => Promise<Uint8Array>,
): Promise<AptPackageSource> {
  const sources = await Promise.all(
    repositories.map(async ({ url, suites, components = ['main'], signedBy, prefer }) => {
      const keyring = await readKeyring(signedBy);
      return { url: url.replace(/\/+$/, ''), suites, components, keyring, ...(prefer.length === 0 ? {} : { prefer }) };
    }),
  );
  return { packages, codename, sources, ...(exclude.length === 0 ? {} : { exclude }), base: { priorities: base.priorities } };
}

export function aptSourceIn(
  { codename, components }: AptBundleRepository,
  { packages, base, exclude }: AptPackageSource,
  { url, keyring }: { readonly url: string; readonly keyring: Uint8Array },
): AptPackageSource {
  const sources = [{ url, suites: [codename], components, keyring }];
  return { packages, codename, sources, ...(exclude === undefined ? {} : { exclude }), base };
}

/**
 * Locks hold this digest: a change of the digested fields makes every lock out of date. Fields that came later are left out
 * where they say nothing.
 */
export function digestOfAptRequest({ id, architecture, source, sets, together = [] }: AptRequest): Digest {
  const { codename, sources, exclude, base } = source;
  const relevant = {
    id,
    codename,
    architecture,
    sources: sources.map(({ url, suites, components, keyring, prefer }) => ({
      url,
      suites,
      components,
      keyring: digestOf(keyring),
      ...(prefer === undefined ? {} : { prefer }),
    })),
    sets: sets.map(({ name, packages, recommends }) => ({ name, packages, ...(recommends === true ? { recommends } : {}) })),
    base: base.priorities,
    ...(exclude === undefined ? {} : { exclude }),
    ...(together.some((names) => names.length > 1) ? { together } : {}),
  };
  return digestOf(JSON.stringify(relevant));
}

export async function loadAptRequest(request: AptRequest, tools: LoadTools): Promise<LoadedPackages> {
  const index = await loadAptIndex(request.source.sources, { ...tools, architecture: request.architecture });
  return { close: async (options) => closeRequest(request, index, { ...tools, ...options }) };
}

async function closeRequest(request: AptRequest, index: AptIndex, given: LoadTools & CloseOptions): Promise<AptLockedSystem> {
  const { id, architecture, source, sets, together = [] } = request;
  const { base, exclude = [] } = source;
  const { emit, signal, held } = given;
  const tools = {
    fetch: given.fetch,
    ...(emit === undefined ? {} : { emit }),
    ...(signal === undefined ? {} : { signal }),
    ...(held === undefined ? {} : { held }),
  };
  const closure = await closePackages(index, { sets, together, exclude, base, ...tools });
  return {
    id,
    architecture,
    codename: source.codename,
    inputs: digestOfAptRequest(request),
    releases: index.releases.map((release) => ({ ...release, date: release.date.replace(/\.\d{3}Z$/, 'Z') })),
    packages: closure.packages.map(({ record, sets: neededBy }) => ({ ...record, sets: neededBy })),
    ...(closure.ties.length === 0 ? {} : { ties: closure.ties }),
  };
}
