import type { BundleRepository } from '../../bundle/index.ts';
import type { Topology } from '../../cluster/index.ts';
import { formatDuration, parsePlatform } from '../../core/index.ts';
import type { HostFacts } from '../../host/index.ts';
import type { OperatingSystem } from '../../manifests/index.ts';
import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';

/**
 * Milliseconds that a host's clock may differ. With a larger difference, the host could refuse valid certificates and
 * signatures.
 */
export const CLOCK_TOLERANCE_MS = 30_000;
const LEAST_KERNEL: readonly [number, number] = [3, 10];

/**
 * Returns the operating system in the manifests that matches the host; undefined when there is none. Where a host says its
 * minor version (9.3), the manifest may have the major one alone (9); the longest one that matches is taken. Manifests write
 * in small letters what some distributions write otherwise (openEuler, V10).
 */
export function systemOf(topology: Topology, { os }: Pick<HostFacts, 'os'>): OperatingSystem | undefined {
  const own = { id: os.id.toLowerCase(), version: os.version.toLowerCase() };
  return topology.manifests.operatingSystems
    .filter(({ id, version }) => id === own.id && `${own.version}.`.startsWith(`${version}.`))
    .toSorted((left, right) => right.version.length - left.version.length)[0];
}

/** Returns the repository of a bundle for a host; undefined when there is none. */
export function repositoryOf(
  topology: Topology,
  facts: HostFacts,
  repositories: readonly BundleRepository[],
): BundleRepository | undefined {
  const system = systemOf(topology, facts);
  return system === undefined ? undefined : repositories.find(({ id }) => id === `${system.id}-${system.version}`);
}

export function checkSystem({ facts }: ObservedHost, { topology, bundle: { manifest } }: HostsToCheck): readonly Finding[] {
  const known = topology.manifests.operatingSystems.map(({ id, version }) => `${id} ${version}`).join(', ');
  const found = `${facts.os.id} ${facts.os.version}`;
  if (systemOf(topology, facts) === undefined)
    return finding(
      `it runs ${found} (${facts.os.name}), want one of: ${known}`,
      'Install one of these, or describe this one in manifests/os',
    );
  return repositoryOf(topology, facts, manifest.repositories) !== undefined
    ? []
    : finding(`the bundle carries no packages for ${found}`, 'Build a bundle with this operating system in manifests/os');
}

export function checkArchitecture({ facts }: ObservedHost, { bundle }: HostsToCheck): readonly Finding[] {
  const carried = bundle.manifest.platforms.map((platform) => parsePlatform(platform).architecture);
  if (carried.includes(facts.architecture)) return [];
  return finding(
    `its CPU is ${facts.architecture}, the bundle is for ${carried.join(', ')}`,
    `Build a bundle with --platform linux/${facts.architecture}`,
  );
}

export function checkSystemd({ facts }: ObservedHost): readonly Finding[] {
  if (facts.systemd === undefined) return finding('systemd does not run', 'Boot the host with systemd as its init');
  if (['running', 'degraded'].includes(facts.systemd)) return [];
  return finding(
    `systemd is "${facts.systemd}", want running or degraded`,
    'Wait until the host has booted: systemctl is-system-running --wait',
  );
}

export function checkKernel({ facts }: ObservedHost): readonly Finding[] {
  const [major = 0, minor = 0] = facts.kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [leastMajor, leastMinor] = LEAST_KERNEL;
  const old = major < leastMajor || (major === leastMajor && minor < leastMinor);
  return [
    ...(old ? finding(`its kernel is ${facts.kernel}, want ${LEAST_KERNEL.join('.')} or newer`, 'Upgrade the kernel') : []),
    ...(facts.overcommitMemory === 2
      ? finding('vm.overcommit_memory is 2, which refuses memory that databases ask for', 'Set it to 0: sysctl vm.overcommit_memory=0')
      : []),
  ];
}

export function checkClock({ facts }: ObservedHost): readonly Finding[] {
  const difference = facts.clockDifferenceMs;
  if (Math.abs(difference) <= CLOCK_TOLERANCE_MS) return [];
  return finding(
    `its clock is ${formatDuration(Math.abs(difference))} ${difference > 0 ? 'ahead of' : 'behind'} this machine's, at most ${formatDuration(CLOCK_TOLERANCE_MS)} is borne`,
    'Set it, and keep it set with a time server of the site (chrony)',
  );
}
