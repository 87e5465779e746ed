/** Owners that are no component. */
export const OWNERS = {
  /** What every host of a site has: names, trust, package source, agent. */
  host: 'caisson',
  /** What only the seed has: bundles and the depot. */
  seed: 'caisson-seed',
} as const;
