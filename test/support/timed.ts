import { it } from 'vitest';

/**
 * A test of how long something takes. Left out in runs of mutants (.ci/mutate.mjs): there the work is slower by all that counts
 * coverage, and a busy machine would notice a mutant by the clock alone.
 */
export const timed = it.skipIf(process.env['MUTATE_TESTS'] !== undefined);
