import { CaissonError, countOf } from '../core/index.ts';
import { describeFinding } from './finding.ts';
import type { LintReport } from './lint.ts';

/** Thrown with every error of a report. */
export class LintFailedError extends CaissonError {
  readonly report: LintReport;

  constructor(report: LintReport) {
    const lines = report.findings.filter(({ level }) => level === 'error').map((finding) => `  ${describeFinding(finding)}`);
    super('LINT_FAILED', `Cannot use the manifests with the list of images: ${countOf(report.errors, 'mistake')}\n${lines.join('\n')}`);
    this.report = report;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { ...this.report };
  }
}
