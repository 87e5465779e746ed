import type { FileTree } from '../../io/index.ts';
import { BUNDLE_JSON, compareText, SHA256SUMS } from '../format/member-path.ts';
import type { BundleReader } from './reader.ts';

/** Every member of the bundle as a tree of files, served in place; of a delta, those in its bases too. All have the bundle's date. */
export function bundleTree(reader: BundleReader): FileTree {
  const { date, entries, baseEntries } = reader.manifest;
  const modified = new Date(date);
  const names = namesByDirectory([BUNDLE_JSON, SHA256SUMS, ...[...entries, ...baseEntries].map(({ path }) => path)]);
  return {
    stat: async (path) => {
      const entry = reader.entry(path);
      return entry === undefined ? undefined : { size: entry.size, digest: entry.digest, modified };
    },
    open: async (path, range) => reader.open(path, range),
    list: async (directory) => names.get(directory.replace(/\/$/, '')) ?? [],
  };
}

function namesByDirectory(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const sets = new Map<string, Set<string>>();
  const add = (directory: string, name: string): void => {
    const names = sets.get(directory);
    if (names === undefined) sets.set(directory, new Set([name]));
    else names.add(name);
  };
  for (const path of paths) {
    const parts = path.split('/');
    parts.forEach((part, depth) => add(parts.slice(0, depth).join('/'), depth === parts.length - 1 ? part : `${part}/`));
  }
  return new Map([...sets].map(([directory, names]) => [directory, [...names].sort(compareText)]));
}
