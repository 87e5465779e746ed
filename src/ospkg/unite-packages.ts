import { compareText, sortedBy } from '../core/index.ts';
import type { PackageRecord } from './package.ts';

/** Packages for all architectures are in the index of each: here each is once, with the sets of all, sorted. */
export function unitePackages<Item extends PackageRecord & { readonly sets: readonly string[] }>(
  systems: readonly { readonly packages: readonly Item[] }[],
): Item[] {
  const united = new Map<string, Item>();
  for (const record of systems.flatMap(({ packages }) => packages)) {
    const key = `${record.name} ${record.architecture} ${record.version} ${record.digest}`;
    const sets = new Set([...(united.get(key)?.sets ?? []), ...record.sets]);
    united.set(key, { ...record, sets: [...sets].toSorted(compareText) });
  }
  return sortedBy([...united.values()], ({ name, architecture, version }) => `${name} ${architecture} ${version}`);
}
