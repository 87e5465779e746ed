import { checkFiles } from './checks/files.ts';
import { checkHealth } from './checks/health.ts';
import { checkImages } from './checks/images.ts';
import { checkNeeds } from './checks/needs.ts';
import { checkPaths } from './checks/paths.ts';
import { checkPorts } from './checks/ports.ts';
import { checkRegistryNames } from './checks/registry-names.ts';
import { checkRendering } from './checks/rendering.ts';
import { checkTemplateImages } from './checks/template-images.ts';
import { checkUnused } from './checks/unused.ts';
import { checkUnusedImages } from './checks/unused-images.ts';
import { tryClusters } from './clusters.ts';
import { sortFindings, type LintFinding } from './finding.ts';
import type { LintSubject } from './subject.ts';

export interface LintReport {
  /** By file and position. */
  readonly findings: readonly LintFinding[];
  readonly errors: number;
  readonly warnings: number;
}

/**
 * Checks the documents of a platform and its lists of images and files against each other. Finds every mistake that can be known
 * without a host and without a network, and throws none.
 */
export function lintPlatform(subject: LintSubject): LintReport {
  const tried = tryClusters(subject.manifests);
  const findings = sortFindings([
    ...checkImages(subject),
    ...checkTemplateImages(subject),
    ...checkFiles(subject),
    ...checkRegistryNames(subject),
    ...checkNeeds(subject),
    ...checkPorts(subject),
    ...checkPaths(subject, tried.clusters),
    ...checkHealth(subject, tried.clusters),
    ...checkRendering(subject, tried),
    ...checkUnused(subject),
    ...checkUnusedImages(subject),
  ]);
  const errors = findings.filter(({ level }) => level === 'error').length;
  return { findings, errors, warnings: findings.length - errors };
}

/** The report in which each warning is an error. */
export function strictReport({ findings }: LintReport): LintReport {
  return { findings: findings.map((finding) => ({ ...finding, level: 'error' })), errors: findings.length, warnings: 0 };
}
