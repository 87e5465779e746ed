/** Owners that are part of Caisson, not a component of the platform. */
export const OWNERS = {
  /** Owns the resources that every host of a site has: names, trust, package source, agent. */
  host: 'caisson',
  /** Owns the resources that only the seed has: bundles and the depot. */
  seed: 'caisson-seed',
} as const;
