import { CaissonError } from '../core/index.ts';
import type { VerifyReport } from './verify-report.ts';

/** One fault and the member that has it. */
export interface Finding {
  /** Path of the member as the bundle names it, or the bundle itself as `(bundle)`. */
  readonly member: string;
  readonly reason: string;
}

/** Findings that belong to no single member. */
export const WHOLE_BUNDLE = '(bundle)';

/** Lines of a message; the rest is in the data. */
const LISTED_LIMIT = 1000;

/** Everything wrong with what should go into a bundle, at once. */
export class BundlePlanError extends CaissonError {
  readonly problems: readonly Finding[];

  constructor(problems: readonly Finding[]) {
    super('BUNDLE_PLAN_INVALID', `Cannot plan the bundle:\n${listFindings(problems.slice(0, LISTED_LIMIT))}`);
    this.problems = problems;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { problems: this.problems };
  }
}

/** A bundle that is not what was built: every fault, by member. */
export class VerifyFailedError extends CaissonError {
  readonly report: VerifyReport;

  constructor(report: VerifyReport) {
    const count = report.findings.length === 1 ? '1 fault' : `${report.findings.length} faults`;
    super('BUNDLE_DAMAGED', `Cannot trust "${report.path}": ${count}\n${listFindings(report.findings)}`, {
      hint: 'Copy it again from where it was built, and verify it there too',
    });
    this.report = report;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { report: this.report };
  }
}

export function listFindings(findings: readonly Finding[]): string {
  return findings.map(({ member, reason }) => `  ${member}: ${reason}`).join('\n');
}
