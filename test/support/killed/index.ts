/**
 * The operations that change a site, each to be killed at its commands and run again. Start reading in expect-harmless.ts; an
 * operation is added in the file of its family.
 */
import { OF_DATA } from './data.ts';
import { OF_CHOICES } from './first.ts';
import type { KilledOperation } from './killed-operation.ts';
import { OF_MEMBERS } from './members.ts';
import { OF_RELEASES } from './releases.ts';
import { OF_SEEDS } from './seeds.ts';
import { OF_STOPS } from './stops.ts';

export { useKilledBundles } from './bundles.ts';
export { expectKillsHarmless } from './expect-harmless.ts';

export const KILLED_OPERATIONS: readonly KilledOperation[] = [
  ...OF_RELEASES,
  ...OF_MEMBERS,
  ...OF_STOPS,
  ...OF_SEEDS,
  ...OF_DATA,
  ...OF_CHOICES,
];
