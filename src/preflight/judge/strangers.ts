import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';
import { systemOf } from './system.ts';

/**
 * Finds foreign container engines and foreign containers. The install restarts the engine, which would stop these
 * containers, and two engines on one host conflict.
 */
export function checkEngine({ node, state }: ObservedHost, { topology, bundle, tools }: HostsToCheck): readonly Finding[] {
  if (tools.engine === undefined) return [];
  const { probe } = tools.engine;
  const runsContainers = topology.componentsOf(node.name).some(({ services }) => services.some(({ container }) => container !== undefined));
  if (!runsContainers) return [];
  if (state.engineFrozen)
    return finding(
      `its container engine runs and did not answer within ${probe.seconds} s`,
      `Find out why (${probe.looks}), then restart it: ${probe.restart}`,
    );
  if (state.strangers === undefined) return [];
  const { enginePackage, containers } = state.strangers;
  const carried = new Set(bundle.manifest.repositories.flatMap(({ packages }) => packages.map(({ name }) => name)));
  const foreign = enginePackage !== undefined && !carried.has(enginePackage);
  const origin = enginePackage === 'none' ? 'no package' : `the package "${enginePackage ?? ''}"`;
  return [
    ...(foreign ? finding(`it has a container engine of ${origin}, which the bundle does not carry`, 'Remove that engine') : []),
    ...(containers.length > 0
      ? finding(
          `its container engine runs what is not of this cluster: ${containers.slice(0, 5).join(', ')}${containers.length > 5 ? ' …' : ''}`,
          'Move these containers to another host: the install restarts the engine',
        )
      : []),
  ];
}

/**
 * Finds programs that have the name of the platform's command: one at the place of our link would be lost, and one elsewhere
 * in the search path would be hidden by the link or hide it.
 */
export function checkCommand({ state }: ObservedHost): readonly Finding[] {
  return state.namesakes.flatMap((path) =>
    finding(
      `it has "${path}", which is not of this site and has the name of the platform's command`,
      `Remove or rename it: mv ${path} ${path}.before`,
    ),
  );
}

/**
 * Finds half-installed packages on a host without our agent. Package managers refuse to work there, and a repair could remove
 * packages that are needed. On a host with our agent, the run itself repairs them.
 */
export function checkPackages({ facts, state }: ObservedHost, { topology, tools }: HostsToCheck): readonly Finding[] {
  const broken = state.strangers?.brokenPackages ?? [];
  if (broken.length === 0) return [];
  const { packages } = tools.on(systemOf(topology, facts)?.packages);
  return finding(
    `packages are installed half-way: ${broken.slice(0, 5).join(', ')}${broken.length > 5 ? ' …' : ''}`,
    `Mend them: ${packages.probe.mend}`,
  );
}
