import type { PackageProblem, PackageSimulation } from '../package-manager.ts';
import type { RpmSimulation, Incoming } from './parse-simulation.ts';

/** Turns the simulation into packages that come and problems. */
export function judgeSimulation(simulation: RpmSimulation): PackageSimulation {
  const { installs, upgrades, downgrades, removals, refusal, installed } = simulation;
  const going = [...new Set([...removals, ...protectedNames(refusal)])];
  const problems = [...going.map((name) => removal(name, simulation)), ...downgrades.map((one) => downgrade(one, simulation))];
  return {
    installs,
    upgrades: upgrades.map(({ name, version }) => ({ name, before: installed.get(name)?.version ?? '', version })),
    problems: problems.length === 0 && refusal.length > 0 ? [refused(refusal)] : problems,
  };
}

/** dnf and yum name the packages that they would remove, were these not protected. */
function protectedNames(refusal: readonly string[]): readonly string[] {
  return refusal.flatMap((line) => {
    const names = /protected packages: (.*)$/.exec(line)?.[1] ?? /remove "([^"]+)", which is protected/.exec(line)?.[1] ?? '';
    return names.split(/[,\s]+/).filter((name) => name !== '');
  });
}

function removal(name: string, { installed }: RpmSimulation): PackageProblem {
  const { version, vendor = '' } = installed.get(name) ?? {};
  const by = vendor === '' || vendor === '(none)' ? '' : ` of "${vendor}"`;
  return {
    problem: `installing the packages of the bundle would remove ${[name, version].filter(Boolean).join(' ')}${by}`,
    remedy: `Where nothing on the host needs it: dnf remove ${name}; otherwise give these roles to another host`,
  };
}

function downgrade({ name, version }: Incoming, { installed }: RpmSimulation): PackageProblem {
  return {
    problem: `${name} ${installed.get(name)?.version ?? ''} would be replaced by the older ${version} of the bundle`,
    remedy: 'Build a bundle with packages that are not older than those of the host',
  };
}

function refused(refusal: readonly string[]): PackageProblem {
  return {
    problem: `its package tool would refuse the packages of the bundle: ${refusal.slice(0, 3).join('; ')}${refusal.length > 3 ? ' …' : ''}`,
    remedy:
      'Bring the host to the version of its distribution that the bundle was built from, or build the bundle again where its packages are too old',
  };
}
