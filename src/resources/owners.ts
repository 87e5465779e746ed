import type { OwnedResource } from '../site/index.ts';

/** Owners that are part of Caisson, not a component of the platform. */
export const OWNERS = {
  /** Owns the resources that every host of a site has: names, trust, package source, agent. */
  host: 'caisson',
  /** Owns the resources that only the seed has: bundles and the depot. */
  seed: 'caisson-seed',
  /** Owns the key of the site by which the seed logs in to a host. It comes first and goes last, after the record of the host. */
  login: 'caisson-login',
} as const;

/** True for the login of the seed on a host. */
export function isLogin({ owner }: Pick<OwnedResource, 'owner'>): boolean {
  return owner === OWNERS.login;
}
