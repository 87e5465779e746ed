import { compareText, describeProblem, type InputProblem } from '../core/index.ts';
import type { DocumentPath } from '../io/index.ts';
import type { LoadedDocument } from '../manifests/index.ts';

/** The subject of a check, by which programs tell findings apart. */
export type CheckName = 'images' | 'files' | 'needs' | 'ports' | 'paths' | 'health' | 'rendering' | 'unused';

/** One mistake, or one that may be: an error is certain to fail at a site or to do nothing there. */
export interface LintFinding extends InputProblem {
  readonly check: CheckName;
  readonly level: 'error' | 'warning';
  readonly file: string;
}

/** A finding in a document, with the position of what stands at `path` there. */
export function findingAt(
  { document }: LoadedDocument<unknown>,
  path: DocumentPath,
  {
    reason,
    remedy,
    key,
    ...kind
  }: Pick<LintFinding, 'check' | 'level' | 'reason'> & { readonly remedy?: string | undefined; readonly key?: boolean },
): LintFinding {
  return { ...kind, file: document.file, ...document.problemAt(path, reason, remedy, key === undefined ? {} : { key }) };
}

/** FILE:LINE:COLUMN: PATH: REASON (REMEDY) */
export function describeFinding(finding: LintFinding): string {
  return describeProblem(finding.file, finding);
}

/** Findings in the order in which people read them: by file and position, and those without a position first. */
export function sortFindings(findings: readonly LintFinding[]): readonly LintFinding[] {
  return findings.toSorted(
    (left, right) =>
      compareText(left.file, right.file) ||
      (left.position?.line ?? 0) - (right.position?.line ?? 0) ||
      (left.position?.column ?? 0) - (right.position?.column ?? 0),
  );
}
