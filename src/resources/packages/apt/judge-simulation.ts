import { compareDebVersions } from '../../../ospkg/index.ts';
import type { PackageProblem, PackageSimulation } from '../package-manager.ts';
import type { AptSimulation, Going, Incoming, InstalledPackage } from './parse-simulation.ts';

/**
 * Turns the simulation into packages that come and problems. A package tool that refuses because packages are half-installed
 * gives no problem: preflight reports these on a new host, and the run mends them on a host of its own.
 */
export function judgeSimulation(simulation: AptSimulation): PackageSimulation {
  const { incoming, installed, refusal } = simulation;
  const held = incoming.filter(({ name, before }) => before !== undefined && installed.get(name)?.isHeld === true);
  const problems = [
    ...simulation.removed.map((name) => removal(name, simulation)),
    ...held.map((one) => heldProblem(one)),
    ...incoming.filter(isDowngrade).map(downgrade),
  ];
  const isHalf = [...installed.values()].some(({ isWhole }) => !isWhole);
  const isRefused = refusal.length > 0 && problems.length === 0 && !isHalf;
  return {
    installs: incoming.flatMap(({ name, version, before }) => (before === undefined ? [{ name, version }] : [])),
    upgrades: incoming.flatMap(({ name, version, before }) => (before === undefined ? [] : [{ name, before, version }])),
    problems: isRefused ? [refused(simulation)] : problems,
  };
}

function isDowngrade({ before, version }: Incoming): boolean {
  return before !== undefined && compareDebVersions(version, before) < 0;
}

function removal(name: string, { incoming, installed, going }: AptSimulation): PackageProblem {
  const { version = '', maintainer = '' } = installed.get(name) ?? {};
  const own = going.find((one) => one.name === name);
  const mover = own === undefined ? undefined : movedNeed(own, incoming);
  const foes = own === undefined ? [] : incoming.filter((one) => mentions(own.conflicts, one.name)).map((one) => one.name);
  const by = maintainer === '' ? '' : ` of "${maintainer}"`;
  const what = `installing the packages of the bundle would remove ${name} ${version}${by}`;
  if (mover !== undefined) {
    return {
      problem: `${what}: it needs ${mover.need}, and ${mover.name} comes in ${mover.version}`,
      remedy: `Upgrade ${name} on the host first, or name it in a package set, so that the bundle carries the version that fits; where nothing needs it: apt-get remove ${name}`,
    };
  }
  return {
    problem: foes.length > 0 ? `${what}: it conflicts with ${foes.join(', ')}` : `${what}: a package that comes conflicts with it`,
    remedy: `Where nothing on the host needs it: apt-get remove ${name}; otherwise give these roles to another host`,
  };
}

/** The relation by which a package needs another one in a version that the incoming one does not have. */
function movedNeed({ needs }: Going, incoming: readonly Incoming[]): (Incoming & { readonly need: string }) | undefined {
  for (const need of needs.split(',').map((part) => part.trim())) {
    const name = /^(\S+?)(?::\S+)? \(/.exec(need)?.[1];
    const mover = incoming.find((one) => one.name === name && one.before !== undefined);
    if (mover !== undefined) return { ...mover, need };
  }
  return undefined;
}

function mentions(relations: string, name: string): boolean {
  return relations.split(/[,|]/).some((relation) => relation.trim().replace(/[ :(].*$/, '') === name);
}

function heldProblem({ name, before = '', version }: Incoming): PackageProblem {
  return {
    problem: `${name} is held at ${before}, and the packages of the bundle need ${version}`,
    remedy: `Let it go: apt-mark unhold ${name}; or hold it at that version in the package sets and build the bundle again: ${name}=${before}`,
  };
}

function downgrade({ name, before = '', version }: Incoming): PackageProblem {
  return {
    problem: `${name} ${before} would be replaced by the older ${version} of the bundle`,
    remedy: 'Build a bundle with packages that are not older than those of the host',
  };
}

function refused({ refusal, installed, isBroken }: AptSimulation): PackageProblem {
  const problem = `its package tool would refuse the packages of the bundle: ${refusal.slice(0, 3).join('; ')}${refusal.length > 3 ? ' …' : ''}`;
  const kept = unmetNames(refusal).flatMap((name) => installed.get(name) ?? []);
  return { problem, remedy: isBroken ? 'Mend its packages first: apt-get --fix-broken install' : remedyOf(kept) };
}

/** Names of packages that the relations say are to be installed in a version that does not fit, or are installed so. */
function unmetNames(refusal: readonly string[]): readonly string[] {
  return refusal.flatMap((line) => /: (?:Pre-?)?Depends: (\S+?)(?::\S+)? \(.*\) but /.exec(line)?.[1] ?? []);
}

function remedyOf(kept: readonly InstalledPackage[]): string {
  const held = kept.filter(({ isHeld }) => isHeld).map(({ name }) => name);
  if (held.length > 0) return `Held packages are in the way: apt-mark unhold ${held.join(' ')}`;
  if (kept.length > 0) {
    const names = kept.map(({ name, version }) => `${name} ${version}`).join(', ');
    return `The host has ${names}, which the bundle has in another version: build the bundle from repositories that are as new, or bring the host to the version of its distribution`;
  }
  return 'See the whole answer on the host: apt-get --simulate install with these names; build the bundle again where its packages are too old';
}
