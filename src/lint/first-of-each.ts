import type { LintFinding } from './finding.ts';

/** The first finding of each place and reason: many clusters have the same mistake. */
export function firstOfEach<F extends LintFinding>(findings: readonly F[]): readonly F[] {
  const first = new Map<string, F>();
  for (const finding of findings) {
    const { file, position, path, reason } = finding;
    const key = [file, position?.line, position?.column, path, reason].join('\n');
    if (!first.has(key)) first.set(key, finding);
  }
  return [...first.values()];
}
