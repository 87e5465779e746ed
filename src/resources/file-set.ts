import type { OwnedResource } from '../site/index.ts';
import { lookAtFiles, writeFiles } from './file.ts';
import { removePlaced, REPLACED, restorePaths } from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';
import type { PlacedFile } from './placed-file.ts';

/** Files that are only valid together, such as a certificate with its key and authority, or the two halves of a key pair. */
export interface FileSetSpec {
  readonly files: readonly PlacedFile[];
}

const PATHS = 'paths';

/** A kind of which each resource is several files. The key is any name that is unique on the host. */
export const fileSetKind: ResourceKind<FileSetSpec> = {
  look: async (host, wanted, { signal }) => {
    const all = wanted.flatMap(({ spec }) => spec.files);
    const found = await lookAtFiles(host, all, signal);
    const byPath = new Map(all.map(({ path }, index) => [path, found[index] ?? ABSENT]));
    return wanted.map(({ spec }) => summarise(spec.files.map(({ path }) => [path, byPath.get(path) ?? ABSENT])));
  },
  ensure: async (host, wanted, context) => {
    const replaces = wanted.flatMap(({ spec, replaces: replaced }) => (replaced ? spec.files.map(({ path }) => path) : []));
    await writeFiles(
      host,
      wanted.flatMap(({ spec }) => spec.files),
      replaces,
      context,
    );
  },
  remove: (host, owned, { signal }) => removePlaced(host, owned, filesOf, signal),
  details: ({ files }) => ({ [PATHS]: files.map(({ path }) => path).join('\n') }),
  undo: (host, wanted, { signal }) =>
    restorePaths(
      host,
      REPLACED,
      wanted.flatMap(({ spec }) => spec.files.map(({ path }) => path)),
      signal,
    ),
};

/** Paths of the files of an owned certificate or key pair. */
export function filesOf({ details }: OwnedResource): readonly string[] {
  return details?.[PATHS]?.split('\n') ?? [];
}

function summarise(files: readonly (readonly [string, Found])[]): Found {
  if (files.every(([, { state }]) => state === 'same')) return SAME;
  if (files.every(([, { state }]) => state === 'absent')) return ABSENT;
  const [path = '', found = ABSENT] = files.find(([, { state }]) => state !== 'same') ?? [];
  return { state: 'different', why: found.state === 'different' ? `${path}: ${found.why}` : `${path} is missing` };
}
