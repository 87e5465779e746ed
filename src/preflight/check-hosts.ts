import pLimit from 'p-limit';
import type { NodeSpec } from '../cluster/index.ts';
import type { Emit } from '../core/index.ts';
import { HOSTS_AT_ONCE, type Host } from '../host/index.ts';
import type { OperatingSystem } from '../manifests/index.ts';
import { askHost, type AskOptions, type HostToAsk } from './ask.ts';
import type { ConnectedHosts } from './connect-hosts.ts';
import { HostsUnfitError } from './findings.ts';
import type { HostsToCheck } from './judge/finding.ts';
import { judgeHosts } from './judge/judge-hosts.ts';
import { systemOf } from './judge/system.ts';

export interface CheckedHosts {
  /** The operating system of each node, by name of the node. */
  readonly systems: ReadonlyMap<string, OperatingSystem>;
  /** The CPU architecture of each node and of the seed, by name of the host. */
  readonly architectures: ReadonlyMap<string, string>;
}

export interface CheckOptions extends AskOptions {
  /** Hears of the findings that end no run. */
  readonly emit: Emit;
  /** Most hosts that are asked at the same time; HOSTS_AT_ONCE by default. */
  readonly hostsAtOnce?: number | undefined;
}

/**
 * Asks every connected host and judges the answers. Changes nothing. A host that does not answer in time becomes a
 * finding and does not delay others. Throws HostsUnfitError with every finding of every host, including those of hosts
 * that could not be connected. Findings that end no run become warnings.
 */
export async function checkHosts(
  request: Omit<HostsToCheck, 'hosts' | 'tools'>,
  connected: ConnectedHosts,
  options: CheckOptions,
): Promise<CheckedHosts> {
  const { topology, bundle, bundles, change, record } = request;
  const { hosts: nodes, seed } = connected;
  const ends = {
    topology,
    seed: { name: seed.name, address: topology.spec.depot.address ?? seed.address },
    connected: new Set(nodes.keys()),
  };
  const limit = pLimit(options.hostsAtOnce ?? HOSTS_AT_ONCE);
  const asked = await limit.map(hostsToAsk(topology.spec.nodes, connected), (host) =>
    askHost(host, ends, { ...options, asksImages: change?.layers !== undefined }),
  );
  const hosts = asked.flatMap(({ observed }) => observed ?? []);
  const findings = [
    ...connected.findings,
    ...asked.flatMap((host) => host.findings),
    ...judgeHosts({ topology, bundle, bundles, change, record, tools: options.tools, hosts }),
  ];
  for (const { host, problem, remedy } of findings.filter(({ isWarning }) => isWarning)) {
    options.emit({ type: 'warning', message: `${host}: ${problem}`, hint: remedy });
  }
  const faults = findings.filter(({ isWarning }) => !isWarning);
  if (faults.length > 0) throw new HostsUnfitError(faults);

  return {
    systems: new Map(
      hosts.flatMap(({ node, facts }): [string, OperatingSystem][] => {
        const system = systemOf(topology, facts);
        return system === undefined ? [] : [[node.name, system]];
      }),
    ),
    architectures: new Map(hosts.map(({ node, facts }): [string, string] => [node.name, facts.architecture])),
  };
}

/** Returns every connected node, and the seed when it is not one of them. */
function hostsToAsk(nodes: readonly NodeSpec[], { hosts, seed }: ConnectedHosts): readonly HostToAsk[] {
  const connected = nodes.flatMap((node): HostToAsk[] => {
    const host = hosts.get(node.name);
    return host === undefined ? [] : [{ host, node, isNode: true, isSeed: host === seed }];
  });
  const beside = { host: seed, node: besideNode(seed), isNode: false, isSeed: true };
  return connected.some(({ isSeed }) => isSeed) ? connected : [...connected, beside];
}

/** Declares a seed that is not a node of the cluster as a host without roles. */
function besideNode({ name, address }: Host): NodeSpec {
  return { name, address, roles: [] };
}
