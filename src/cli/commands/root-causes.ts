import type { NodeReport } from './status-table.ts';

/** Something that is down, and everything that waits for it, as COMPONENT@NODE. */
export interface RootCause {
  readonly of: string;
  readonly waiting: readonly string[];
}

/**
 * Finds what components wait for, and does not itself wait for anything: with docker down, the hub waits for docker and the
 * gateway for the hub, and docker is the cause of both. Those that most wait for come first.
 */
export function rootCauses(reports: readonly NodeReport[]): readonly RootCause[] {
  const waits = new Map<string, readonly string[]>();
  for (const { name, status } of reports)
    for (const component of status?.components ?? [])
      if (component.keep?.waitsFor !== undefined) waits.set(`${component.name}@${name}`, component.keep.waitsFor);
  const waiting = new Map<string, string[]>();
  for (const component of waits.keys())
    for (const root of rootsOf(component, waits)) waiting.set(root, [...(waiting.get(root) ?? []), component]);
  return [...waiting].map(([of, all]) => ({ of, waiting: all.sort() })).sort((left, right) => right.waiting.length - left.waiting.length);
}

function rootsOf(component: string, waits: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const roots = new Set<string>();
  const seen = new Set<string>();
  const follow = (one: string): void => {
    if (seen.has(one)) return;
    seen.add(one);
    const next = waits.get(one) ?? [];
    if (next.length === 0 && one !== component) roots.add(one);
    next.forEach(follow);
  };
  follow(component);
  return roots;
}

/** Formats the causes as faults of a cluster. */
export function describeCauses(causes: readonly RootCause[]): readonly string[] {
  return causes.map(
    ({ of, waiting }) =>
      `${of} is down and ${waiting.length === 1 ? `${waiting[0] ?? ''} waits` : `${waiting.length} components wait`} for it`,
  );
}
