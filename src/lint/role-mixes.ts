import type { Role } from '../manifests/index.ts';

/** Hosts of a cluster by their roles. */
export interface RoleMix {
  /** Roles of each host. */
  readonly hosts: readonly (readonly string[])[];
  readonly what: string;
  /** True where every role has a host. */
  readonly isWhole: boolean;
}

/** Roles of which every pair is tried on one host; with more, the pairs of the first ones. */
const PAIRED_ROLES = 8;
/** Most hosts of one role. A platform that wants more is tried with fewer, and refused. */
const HOSTS_LIMIT = 9;

/**
 * Mixes of roles on hosts: all on one host (or on as many hosts as one of them wants at least), each on hosts of its own,
 * each pair on one host beside the other roles, and the clusters that lack one role which may be absent.
 */
export function roleMixes(roles: readonly Role[]): readonly RoleMix[] {
  if (roles.length === 0) return [];
  const names = roles.map(({ name }) => name);
  const most = Math.max(...roles.map(leastOf));
  const together: RoleMix = {
    hosts: Array.from({ length: most }, () => names),
    what: `${most === 1 ? 'one host has' : `${most} hosts have`} ${roleWords(names)}`,
    isWhole: true,
  };
  if (roles.length === 1) return [together];
  const apart: RoleMix = { hosts: roles.flatMap(ownHosts), what: 'each role has hosts of its own', isWhole: true };
  return [together, apart, ...(roles.length === 2 ? [] : pairMixes(roles)), ...lackingMixes(roles)];
}

function pairMixes(roles: readonly Role[]): readonly RoleMix[] {
  const paired = roles.slice(0, PAIRED_ROLES);
  return paired.flatMap((left, index) =>
    paired.slice(index + 1).map((right): RoleMix => {
      const others = roles.filter((role) => role !== left && role !== right).flatMap(ownHosts);
      const count = Math.max(leastOf(left), leastOf(right));
      const pair = [left.name, right.name];
      return { hosts: [...Array.from({ length: count }, () => pair), ...others], what: `one host has ${roleWords(pair)}`, isWhole: false };
    }),
  );
}

function lackingMixes(roles: readonly Role[]): readonly RoleMix[] {
  return roles
    .filter(({ minimum }) => minimum === 0)
    .map((absent) => ({
      hosts: roles.filter((role) => role !== absent).flatMap(ownHosts),
      what: `no host has the role "${absent.name}"`,
      isWhole: false,
    }));
}

function ownHosts(role: Role): readonly (readonly string[])[] {
  return Array.from({ length: leastOf(role) }, () => [role.name]);
}

function leastOf({ minimum }: Role): number {
  return Math.min(Math.max(minimum, 1), HOSTS_LIMIT);
}

function roleWords(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return quoted.length === 1 ? `the role ${quoted.join('')}` : `the roles ${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
}
