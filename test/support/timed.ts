import { it } from 'vitest';

/**
 * A test of how long something takes. Left out in runs of mutants (.ci/mutate.mjs): there the work is slower by all that counts
 * coverage, and a busy machine would notice a mutant by the clock alone.
 */
export const timed = it.skipIf(process.env['MUTATE_TESTS'] !== undefined);

/** Milliseconds of processor time that this process takes for some work: time in which other programs run does not count. */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
