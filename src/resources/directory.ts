import { ensureDirectory, runChecked, shellScript } from '../host/index.ts';
import { attributesProblem, inspectPaths, REMOVE_EMPTY_SCRIPT, type Attributes } from './paths.ts';
import { ABSENT, SAME, type ResourceKind } from './kind.ts';

/** A directory, or a link to one. Its contents are not changed. Its key is the path. */
export interface DirectorySpec extends Attributes {
  /** True for a directory above managed ones: mode and owner are set only when the directory is made. */
  readonly isParent?: boolean;
  /**
   * Removal of the contents: `ours` are removed with the directory, `data` only by a purge. A `shared` one lies in a place of
   * another owner: neither it nor its contents are removed. In all other cases a directory that is not empty stays.
   */
  readonly contents?: 'ours' | 'data' | 'shared';
}

export const directoryKind: ResourceKind<DirectorySpec> = {
  look: async (host, wanted, { signal }) => {
    const found = await inspectPaths(host, { directories: wanted.map(({ key }) => key) }, signal);
    return wanted.map(({ key, spec }) => {
      const state = found.get(key);
      if (state === undefined) return ABSENT;
      if (state.kind !== 'directory') return { state: 'different', why: 'it is no directory' };
      const why = spec.isParent === true ? undefined : attributesProblem(state, spec);
      return why === undefined ? SAME : { state: 'different', why };
    });
  },
  ensure: async (host, wanted, { signal }) => {
    const found = await inspectPaths(host, { directories: wanted.map(({ key }) => key) }, signal);
    const shortestFirst = [...wanted].sort((left, right) => left.key.length - right.key.length);
    for (const { key, spec } of shortestFirst) {
      const state = found.get(key);
      const fits = state?.kind === 'directory' && (spec.isParent === true || attributesProblem(state, spec) === undefined);
      if (!fits) await ensureDirectory(host, key, { mode: spec.mode, signal, ...(spec.owner === undefined ? {} : { owner: spec.owner }) });
    }
  },
  remove: async (host, all, { signal }, { purge }) => {
    const owned = all.filter(({ details }) => details?.['contents'] !== 'shared');
    const purged = owned.filter(({ data, details }) => details?.['contents'] === 'ours' || (purge && data === true)).map(({ key }) => key);
    if (purged.length > 0) await runChecked(host, { argv: ['rm', '-rf', '--one-file-system', '--', ...purged] }, { signal });
    const deepestFirst = owned.map(({ key }) => key).sort((left, right) => right.length - left.length);
    await runChecked(host, { argv: shellScript(REMOVE_EMPTY_SCRIPT, deepestFirst) }, { signal });
  },
  details: ({ contents }) => (contents === undefined ? {} : { contents }),
};
