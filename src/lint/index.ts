/**
 * Checks the documents of a platform against each other, beyond what each of them says for itself: images that components
 * name and no list has, needs that no role meets, ports that two components take, templates that cannot be filled in for
 * some cluster. `caisson lint` and each `build-bundle` run it. Code here reads no file and knows no host: the caller gives
 * the documents. Start with lint.ts; each check is a file in checks/.
 */
export { describeFinding, type CheckName, type LintFinding } from './finding.ts';
export { lintPlatform, strictReport, type LintReport } from './lint.ts';
export { LintFailedError } from './lint-failed-error.ts';
export type { LintImage, LintSubject } from './subject.ts';
