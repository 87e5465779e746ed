import { finding, type Finding, type HostsToCheck, type ObservedHost } from './finding.ts';
import { repositoryOf } from './system.ts';

/** Package with the policy of SELinux for containers, in every distribution that has one. */
const CONTAINER_POLICY = 'container-selinux';

/**
 * Finds hosts where SELinux is enforcing and a container engine would run without the policy for containers: neither the
 * host nor the bundle has it.
 */
export function checkSelinux({ node, facts }: ObservedHost, { topology, bundle, tools }: HostsToCheck): readonly Finding[] {
  const { selinux } = facts;
  if (tools.engine === undefined || selinux?.isEnforcing !== true || selinux.hasContainerPolicy) return [];
  const runsContainers = topology.componentsOf(node.name).some(({ services }) => services.some(({ container }) => container !== undefined));
  const repository = repositoryOf(topology, facts, bundle.manifest.repositories);
  if (!runsContainers || repository?.packages.some(({ name }) => name === CONTAINER_POLICY) === true) return [];
  return finding(
    `SELinux is enforcing (getenforce), and neither the host nor the bundle has its policy for containers, the package ${CONTAINER_POLICY}`,
    `Name ${CONTAINER_POLICY} beside the container engine in a package set of manifests/os and build the bundle again, or install it on the host`,
  );
}
