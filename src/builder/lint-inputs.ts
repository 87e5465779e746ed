import { formatPlatform, type Emit, type Platform } from '../core/index.ts';
import type { LintReport, LintSubject } from '../lint/index.ts';
import { listName } from './read-lists.ts';
import { readWritten, type WrittenInputs, type WrittenPlaces } from './inputs.ts';

/** Warnings that a build prints one by one; `caisson lint` has them all. */
const NAMED_LIMIT = 10;

/** Checks documents and lists of images and files against each other. Throws INPUT_INVALID and INPUT_UNREADABLE for those that cannot be read. */
export async function lintInputs(places: WrittenPlaces): Promise<LintReport> {
  const { lintPlatform } = await import('../lint/index.ts');
  return lintPlatform(subjectOf(await readWritten(places)));
}

/**
 * Checks the inputs of a build, and says the first warnings. Returns the number of all. Throws LINT_FAILED with every error.
 * The checks are loaded here, because other commands that load this folder do not need them.
 */
export async function lintBuild(written: WrittenInputs, platforms: readonly Platform[], emit: Emit): Promise<number> {
  const { describeFinding, LintFailedError, lintPlatform } = await import('../lint/index.ts');
  const report = lintPlatform(subjectOf(written, platforms.map(formatPlatform)));
  if (report.errors > 0) throw new LintFailedError(report);
  for (const finding of report.findings.slice(0, NAMED_LIMIT)) emit({ type: 'warning', message: describeFinding(finding) });
  const more = report.warnings - NAMED_LIMIT;
  if (more > 0) emit({ type: 'warning', message: `${more} more warnings about the manifests`, hint: 'caisson lint lists them all' });
  return report.warnings;
}

function subjectOf({ images, listedFiles, fileLists, ...written }: WrittenInputs, platforms?: readonly string[]): LintSubject {
  return {
    ...written,
    images: images.map(({ name, file, line, platforms: own }) => ({ name, file, line, platforms: own?.map(formatPlatform) })),
    files: listedFiles,
    fileLists: fileLists.map(listName),
    platforms,
  };
}
