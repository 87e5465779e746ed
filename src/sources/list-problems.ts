import type { InputProblem } from '../core/index.ts';

/** Most mistakes that are reported. */
const PROBLEM_LIMIT = 200;
/** Mistakes that are looked at; the lines behind them are not read. */
export const COUNTED_LIMIT = 10_000;
/** Lines with a mistake of one kind that are reported each for itself; more are one mistake. */
const ALIKE_LIMIT = 3;
/** Lines that one mistake lists. */
const LISTED_LIMIT = 10;

/**
 * The problems of a list as they are reported: at most 200, and those that more than three lines have alike as one that lists
 * the lines, which is what a list of another format gives.
 */
export function reportedProblems(problems: readonly InputProblem[]): readonly InputProblem[] {
  return byKind(problems).slice(0, PROBLEM_LIMIT);
}

function byKind(problems: readonly InputProblem[]): readonly InputProblem[] {
  const kinds = new Map<string, InputProblem[]>();
  for (const problem of problems) {
    const kind = problem.reason.replaceAll(/"[^"]*"/g, '""');
    const alike = kinds.get(kind);
    if (alike === undefined) kinds.set(kind, [problem]);
    else alike.push(problem);
  }
  const merged = new Map([...kinds.values()].filter(({ length }) => length > ALIKE_LIMIT).map((alike) => [alike[0], alike]));
  const dropped = new Set([...merged.values()].flatMap((alike) => alike.slice(1)));
  return problems.flatMap((problem) => {
    if (dropped.has(problem)) return [];
    const alike = merged.get(problem);
    return alike === undefined ? [problem] : [{ ...problem, reason: `${problem.reason}; ${otherLines(alike.slice(1))}` }];
  });
}

function otherLines(problems: readonly InputProblem[]): string {
  const lines = [...new Set(problems.map(({ position }) => position?.line ?? 0))];
  const rest = lines.length - LISTED_LIMIT;
  return `the same on lines ${lines.slice(0, LISTED_LIMIT).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
