import { digestOf, type Digest } from '../../core/index.ts';
import type { CloseOptions, LoadedPackages, LoadTools, PackageRequest } from '../format.ts';
import { closeRpmPackages } from './closure.ts';
import type { RpmLockedSystem, RpmSystem } from './documents.ts';
import { armoredKeys } from './keys.ts';
import { loadRpmRepositories, type RpmIndex } from './load-repositories.ts';
import type { RpmPackageSource } from './package-source.ts';

/** A request whose packages are rpm packages. */
export interface RpmRequest extends PackageRequest {
  readonly source: RpmPackageSource;
}

export async function rpmSourceOf(
  { packages, repositories, exclude, modules = [], base }: RpmSystem,
  readKeyring: (file: string) => Promise<Uint8Array>,
): Promise<RpmPackageSource> {
  const sources = await Promise.all(
    repositories.map(async ({ url, mirrors, signed, signedBy, prefer, moduleHotfixes }) => {
      const keys = await armoredKeys(await readKeyring(signedBy));
      const hotfixes = moduleHotfixes === true ? { moduleHotfixes } : {};
      const listed = mirrors === true ? { mirrors } : {};
      return { url: url.replace(/\/+$/, ''), ...listed, signed, keys, ...(prefer.length === 0 ? {} : { prefer }), ...hotfixes };
    }),
  );
  const chosen = modules.length === 0 ? {} : { modules };
  return { packages, sources, ...(exclude.length === 0 ? {} : { exclude }), ...chosen, base: { packages: base.packages } };
}

export function rpmSourceIn(
  { packages, base, exclude }: RpmPackageSource,
  { url, keyring }: { readonly url: string; readonly keyring: Uint8Array },
): RpmPackageSource {
  const sources = [{ url, signed: 'metadata' as const, keys: [Buffer.from(keyring).toString()] }];
  return { packages, sources, isChecked: true, ...(exclude === undefined ? {} : { exclude }), base };
}

/** Locks hold this digest: a change of the digested fields makes every lock out of date. */
export function digestOfRpmRequest({ id, architecture, source, sets, together = [] }: RpmRequest): Digest {
  const { sources, exclude, modules, base } = source;
  const relevant = {
    id,
    architecture,
    sources: sources.map(({ url, mirrors, signed, keys, prefer, moduleHotfixes }) => ({
      url,
      ...(mirrors === true ? { mirrors } : {}),
      signed,
      keys: keys.map((key) => digestOf(key)),
      ...(prefer === undefined ? {} : { prefer }),
      ...(moduleHotfixes === true ? { moduleHotfixes } : {}),
    })),
    sets: sets.map(({ name, packages, recommends }) => ({ name, packages, ...(recommends === true ? { recommends } : {}) })),
    base: base.packages,
    ...(exclude === undefined ? {} : { exclude }),
    ...(modules === undefined ? {} : { modules: modules.toSorted() }),
    ...(together.some((names) => names.length > 1) ? { together } : {}),
  };
  return digestOf(JSON.stringify(relevant));
}

export async function loadRpmRequest(request: RpmRequest, tools: LoadTools): Promise<LoadedPackages> {
  const index = await loadRpmRepositories(request.source.sources, { ...tools, architecture: request.architecture });
  return { close: async (options) => closeRequest(request, index, { ...tools, ...options }) };
}

async function closeRequest(request: RpmRequest, index: RpmIndex, tools: LoadTools & CloseOptions): Promise<RpmLockedSystem> {
  const { id, architecture, source, sets, together = [] } = request;
  const { base, exclude = [], modules = [], sources } = source;
  const { emit, signal, held } = tools;
  const keys = new Map<string, readonly string[]>();
  for (const [row, { url }] of index.releases.entries()) keys.set(url, [...(keys.get(url) ?? []), ...(sources[row]?.keys ?? [])]);
  const closure = await closeRpmPackages(index, {
    ...{ sets, together, exclude, modules, base, fetch: tools.fetch },
    keys: source.isChecked === true ? undefined : keys,
    ...(emit === undefined ? {} : { emit }),
    ...(signal === undefined ? {} : { signal }),
    ...(held === undefined ? {} : { held }),
  });
  return {
    format: 'rpm',
    id,
    architecture,
    inputs: digestOfRpmRequest(request),
    releases: index.releases,
    keys: [...new Set(sources.flatMap((one) => one.keys))].sort(),
    packages: closure.packages.map(({ record, sets: neededBy }) => ({ ...record, sets: neededBy })),
    ...(closure.ties.length === 0 ? {} : { ties: closure.ties }),
  };
}
