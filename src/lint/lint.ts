import { checkImages } from './checks/images.ts';
import { checkUnusedImages } from './checks/unused-images.ts';
import { sortFindings, type LintFinding } from './finding.ts';
import type { LintSubject } from './subject.ts';

export interface LintReport {
  /** By file and position. */
  readonly findings: readonly LintFinding[];
  readonly errors: number;
  readonly warnings: number;
}

/**
 * Checks the documents of a platform and its list of images against each other. Finds every mistake that can be known
 * without a host and without a network, and throws none.
 */
export function lintPlatform(subject: LintSubject): LintReport {
  const findings = sortFindings([...checkImages(subject), ...checkUnusedImages(subject)]);
  const errors = findings.filter(({ level }) => level === 'error').length;
  return { findings, errors, warnings: findings.length - errors };
}

/** The report in which each warning is an error. */
export function strictReport({ findings }: LintReport): LintReport {
  return { findings: findings.map((finding) => ({ ...finding, level: 'error' })), errors: findings.length, warnings: 0 };
}
