import type { HostFinding } from '../findings.ts';
import { checkCpus, checkMemory } from './capacity.ts';
import { checkDisk } from './disk.ts';
import type { Check, HostsToCheck } from './finding.ts';
import { checkIdentities } from './identities.ts';
import { checkAddress, checkNames, checkNetworks } from './network.ts';
import { checkPortClashes, checkPorts } from './ports.ts';
import { checkSelinux } from './selinux.ts';
import { checkCommand, checkEngine, checkPackages } from './strangers.ts';
import { checkClocks, checkControlGroups, checkModules, checkSwap, checkWrites } from './requirements.ts';
import { checkArchitecture, checkClock, checkKernel, checkSystem, checkSystemd } from './system.ts';
import { checkWays } from './ways.ts';

/** Runs every check on every host and returns all findings. Pure: runs no command. */
export function judgeHosts(input: HostsToCheck): readonly HostFinding[] {
  const perHost = input.hosts.flatMap((observed) =>
    (observed.isNode ? NODE_CHECKS : SEED_CHECKS).flatMap((check) =>
      check(observed, input).map((found) => ({ host: observed.node.name, ...found })),
    ),
  );
  return [...perHost, ...checkIdentities(input.hosts), ...checkClocks(input.hosts)];
}

const NODE_CHECKS: readonly Check[] = [
  checkSystem,
  checkArchitecture,
  checkSystemd,
  checkKernel,
  checkModules,
  checkControlGroups,
  checkSelinux,
  checkSwap,
  checkCpus,
  checkMemory,
  checkDisk,
  checkWrites,
  checkPorts,
  checkPortClashes,
  checkClock,
  checkAddress,
  checkNetworks,
  checkNames,
  checkCommand,
  checkEngine,
  checkPackages,
  checkWays,
];

/** Checks for a seed that is not a node: it only runs the depot. */
const SEED_CHECKS: readonly Check[] = [checkArchitecture, checkSystemd, checkDisk, checkPorts, checkAddress, checkCommand, checkWays];
