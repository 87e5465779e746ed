import type { PlanReport } from '../../builder/index.ts';

/** Choices that the package manager leaves to chance, one line each. A set that names one of the packages decides. */
export function tieLines({ id, architecture, ties }: PlanReport['repositories'][number]): readonly string[] {
  return ties.map(
    ({ name, taken, others }) =>
      `${id} ${architecture}: several packages provide "${name}" alike; took ${taken}, not ${others.join(' or ')}: name one of them in the package set to decide`,
  );
}
