import type { PlannedRun } from '../../usecases/index.ts';

type Simulations = PlannedRun['packages'];

/** Most packages that a line names. */
const NAMED = 8;

/** The packages that come to each host, one line for hosts to which the same ones come. Empty where none come. */
export function describePackages(packages: Simulations): readonly string[] {
  const hosts = new Map<string, string[]>();
  for (const [host, { installs, upgrades }] of packages) {
    const parts = [
      ...listed('new', installs, ({ name, version }) => `${name} ${version}`),
      ...listed('upgraded', upgrades, ({ name, before, version }) => `${name} ${before} to ${version}`),
    ];
    const text = parts.join('; ');
    if (text !== '') hosts.set(text, [...(hosts.get(text) ?? []), host]);
  }
  if (hosts.size === 0) return [];
  return ['Packages that come, with what they need:', ...[...hosts].map(([text, names]) => `  ${names.join(', ')}: ${text}`)];
}

function listed<T>(what: string, packages: readonly T[], describe: (one: T) => string): readonly string[] {
  if (packages.length === 0) return [];
  const more = packages.length > NAMED ? ', …' : '';
  return [`${packages.length} ${what} (${packages.slice(0, NAMED).map(describe).join(', ')}${more})`];
}

/** The same as data, whole. */
export function packageData(packages: Simulations): readonly Readonly<Record<string, unknown>>[] {
  return [...packages].map(([host, { installs, upgrades }]) => ({ host, installs, upgrades }));
}
