import type { Readable } from 'node:stream';
import type { Digest } from '../core/index.ts';
import { replacedKeys } from './file.ts';
import { downloadName } from './packages/package-manager.ts';
import { fileProblem, inspectPaths, keepPaths, ORIGINALS, removeFiles, removePlaced } from './paths.ts';
import { ABSENT, SAME, type ResourceKind } from './kind.ts';

const MODE = 0o755;

/** A program that is a member of the bundle. Its key is the path. */
export interface ExecutableSpec {
  readonly digest: Digest;
  /** URL at the depot; undefined for the seed, which reads the bundle itself. */
  readonly url?: string | undefined;
  /** Opens the member of the bundle on the seed. */
  open(): Readable;
}

export const executableKind: ResourceKind<ExecutableSpec> = {
  look: async (host, wanted, { signal }) => {
    const found = await inspectPaths(host, { files: wanted.map(({ key }) => key) }, signal);
    return wanted.map(({ key, spec }) => {
      const state = found.get(key);
      if (state === undefined) return ABSENT;
      const why = fileProblem(state, { mode: MODE, digest: spec.digest });
      return why === undefined ? SAME : { state: 'different', why };
    });
  },
  ensure: async (host, wanted, { packages, signal }) => {
    const found = await inspectPaths(host, { files: wanted.map(({ key }) => key) }, signal);
    const differing = wanted.filter(({ key, spec }) => {
      const state = found.get(key);
      return state === undefined || fileProblem(state, { mode: MODE, digest: spec.digest }) !== undefined;
    });
    await keepPaths(host, ORIGINALS, replacedKeys(differing), signal);
    for (const { key, spec } of differing) {
      // Hosts download the program from the depot; only the seed has no URL and copies it from the bundle.
      if (spec.url === undefined) await host.upload(spec.open(), key, { mode: MODE, digest: spec.digest, onlyWriter: true, signal });
      else await packages.download(host, { url: spec.url, path: key, digest: spec.digest, mode: MODE }, signal);
    }
  },
  remove: async (host, owned, { signal }) => {
    await removePlaced(host, owned, ({ key }) => [key], signal);
    await removeFiles(
      host,
      owned.map(({ key }) => downloadName(key)),
      signal,
    );
  },
};
