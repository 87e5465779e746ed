import { hasCode } from '../../src/core/index.ts';

/** The problems that refused input is told with, a line each; none when it is taken. Other errors are thrown. */
export function problemLines(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    return linesOf(error);
  }
  return [];
}

/** The same for work that takes time. */
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
