import { posix } from 'node:path';
import { digestOf } from '../core/index.ts';
import { daemonReload, type Host } from '../host/index.ts';
import { UNITS } from '../site/index.ts';
import { fileProblem, inspectPaths, keepPaths, ORIGINALS, removePlaced, REPLACED, restorePaths } from './paths.ts';
import { ABSENT, SAME, type Found, type ResourceContext, type ResourceKind, type Wanted } from './kind.ts';
import type { FileSpec, PlacedFile } from './placed-file.ts';

/** Compares each file with the host. The answers are in the order of `files`. Runs one command. */
export async function lookAtFiles(host: Host, files: readonly PlacedFile[], signal: AbortSignal): Promise<readonly Found[]> {
  const found = await inspectPaths(host, { files: files.map(({ path }) => path) }, signal);
  return files.map((file) => {
    const state = found.get(file.path);
    if (state === undefined) return ABSENT;
    const why = fileProblem(state, { ...file, digest: file.content.digest });
    return why === undefined ? SAME : { state: 'different', why };
  });
}

/**
 * Writes the files that differ, each atomically, and keeps a copy of the files that it replaces. `replaces` lists the
 * paths of files that Caisson did not write; they are kept as originals. Returns the paths that were written.
 */
export async function writeFiles(
  host: Host,
  files: readonly PlacedFile[],
  replaces: readonly string[],
  { signal }: ResourceContext,
): Promise<readonly string[]> {
  const found = await lookAtFiles(host, files, signal);
  const differing = files.filter((_, index) => found[index]?.state !== 'same');
  const paths = differing.map(({ path }) => path);
  await keepPaths(
    host,
    ORIGINALS,
    paths.filter((path) => replaces.includes(path)),
    signal,
  );
  await keepPaths(host, REPLACED, paths, signal);
  for (const { path, content, mode, owner = 'root:root' } of differing) {
    const bytes = await content.read();
    await host.upload(bytes, path, { mode, owner, digest: digestOf(bytes), onlyWriter: true, signal });
  }
  return paths;
}

function placed({ key, spec }: { readonly key: string; readonly spec: FileSpec }): PlacedFile {
  return { ...spec, path: key };
}

/** Keys of the resources that replace something that Caisson did not make. */
export function replacedKeys(wanted: readonly Wanted<unknown>[]): readonly string[] {
  return wanted.flatMap(({ key, replaces }) => (replaces ? [key] : []));
}

export const fileKind: ResourceKind<FileSpec> = {
  look: (host, wanted, { signal }) => lookAtFiles(host, wanted.map(placed), signal),
  ensure: async (host, wanted, context) => {
    await writeFiles(host, wanted.map(placed), replacedKeys(wanted), context);
  },
  remove: async (host, owned, { signal }) => {
    await removePlaced(host, owned, ({ key }) => [key], signal);
    // systemd uses the text of a removed unit until a daemon-reload.
    if (owned.some(({ key }) => posix.dirname(key) === UNITS)) await daemonReload(host, { signal });
  },
  undo: (host, wanted, { signal }) =>
    restorePaths(
      host,
      REPLACED,
      wanted.map(({ key }) => key),
      signal,
    ),
};
