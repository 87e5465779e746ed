import { InvalidInputError, type InputProblem } from '../core/index.ts';
import { reportedProblems } from './list-problems.ts';

interface Entry {
  readonly name: string;
  /** 1-based. */
  readonly line: number;
}

/** Why an entry cannot stand beside one before it. */
export type Clash = Pick<InputProblem, 'reason' | 'remedy'>;

/** Entries of lists, one of each name. */
export interface Entries<E> {
  /** Adds an entry of another name, or unites it with that of its name. Returns why it cannot stand beside one before it. */
  add(entry: E, placeOf: (before: E) => string): Clash | undefined;
  all(): readonly E[];
}

/** Unites the entries of several lists in `entries`. Throws INPUT_INVALID for the first list that contradicts one before it. */
export function joinLists<E extends Entry>(
  lists: readonly { readonly file: string; readonly entries: readonly E[] }[],
  entries: Entries<E>,
): readonly E[] {
  const placeOf = new Map<string, string>();
  for (const { file, entries: added } of lists) {
    const problems = added.flatMap((entry): InputProblem[] => {
      const clash = entries.add(entry, (before) => placeOf.get(before.name) ?? '');
      if (!placeOf.has(entry.name)) placeOf.set(entry.name, `line ${entry.line} of "${file}"`);
      return clash === undefined ? [] : [{ position: { line: entry.line, column: 1 }, ...clash }];
    });
    if (problems.length > 0) throw new InvalidInputError(file, reportedProblems(problems));
  }
  return entries.all();
}
