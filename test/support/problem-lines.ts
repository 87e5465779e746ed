import { hasCode } from '../../src/core/index.ts';

/**
 * Returns the problems of an INPUT_INVALID error, one for each line; empty when `work` succeeds. Throws other errors.
 */
export function problemLines(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    return linesOf(error);
  }
  return [];
}

/** The same for a promise. */
export async function problemLinesOf(work: Promise<unknown>): Promise<string[]> {
  return work.then(() => [], linesOf);
}

function linesOf(error: unknown): string[] {
  if (!(error instanceof Error) || !hasCode(error, 'INPUT_INVALID')) throw error;
  return error.message
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}
