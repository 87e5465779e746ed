import type { CaissonError } from '../core/index.ts';

/** A line of a file that the user wrote. */
export interface Place {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
}

/** One thing that failed. */
export interface Failure {
  readonly what: string;
  readonly error: CaissonError;
  /** The line that asks for it. */
  readonly place?: Place | undefined;
}

/** Most lines, or groups of lines in sequence, that are listed for one fault. */
const LISTED = 20;

/**
 * The text of a report: each failure with its place, its reason and its own hint. Failures by one error, such as the fault
 * of a host that cannot be reached, are named once, with `describe` of all that needed it.
 */
export function failureLines(failures: readonly Failure[], describe: (failures: readonly Failure[]) => string): string[] {
  return groupsOf(failures).map((group) => {
    const [first] = group;
    if (first === undefined) return '';
    const { message, hint } = first.error;
    const hintLine = hint === undefined ? '' : `\n    ${hint}`;
    return `  ${group.length === 1 ? describeOne(first) : describe(group)}: ${message.replaceAll('\n', '\n    ')}${hintLine}`;
  });
}

/** "images.txt, lines 1-98, 101": all lines of failures of one file. */
export function describePlaces(places: readonly Place[]): string {
  const [first] = places;
  if (first === undefined) return '';
  const lines = places.map(({ line }) => line).toSorted((left, right) => left - right);
  const runs: { from: number; to: number }[] = [];
  for (const line of lines) {
    const last = runs.at(-1);
    if (last !== undefined && line <= last.to + 1) last.to = line;
    else runs.push({ from: line, to: line });
  }
  const listed = runs.slice(0, LISTED).map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
  const more = runs.length > LISTED ? ' and more' : '';
  return `${first.file}, lines ${listed.join(', ')}${more}`;
}

function groupsOf(failures: readonly Failure[]): readonly Failure[][] {
  const groups = new Map<CaissonError, Failure[]>();
  for (const failure of failures) {
    const group = groups.get(failure.error);
    if (group === undefined) groups.set(failure.error, [failure]);
    else group.push(failure);
  }
  return [...groups.values()];
}

function describeOne({ what, place }: Failure): string {
  return place === undefined ? what : `${place.file}:${place.line}: ${what}`;
}
