import type { NodeSpec } from '../cluster/index.ts';
import type { OperatingSystem } from '../manifests/index.ts';
import type { Clock } from '../core/index.ts';
import { gatherFacts, type Host } from '../host/index.ts';
import type { ConnectedHosts } from './connect-hosts.ts';
import { checkFacts, CHECKED_PATHS, systemOf, type ObservedHost } from './host-checks.ts';
import { readHostState } from './host-state.ts';
import { seedLayout } from './layout.ts';
import type { InstallRequest } from './open-request.ts';
import { HostsUnfitError } from './preflight.ts';

export interface CheckedHosts {
  /** The operating system of each node, by its name. */
  readonly systems: ReadonlyMap<string, OperatingSystem>;
  /** The CPU of each node and of the seed, by name. */
  readonly architectures: ReadonlyMap<string, string>;
}

/**
 * Looks at every connected host, all at once, and changes nothing. Throws HostsUnfitError with every finding of every host,
 * those that could not be connected included.
 */
export async function checkHosts(
  request: InstallRequest,
  connected: ConnectedHosts,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<CheckedHosts> {
  const { topology, bundle, bundles } = request;
  const { signal, clock } = options;
  const places = { definitions: topology.platform.definitionsDirectory, bundles: seedLayout().bundles };
  const observe = async (host: Host, node: NodeSpec, isNode: boolean): Promise<ObservedHost> => {
    const facts = await gatherFacts(host, { clock, paths: CHECKED_PATHS, signal });
    return { node, facts, state: await readHostState(host, places, signal), isNode, isSeed: host === connected.seed };
  };
  const nodes = topology.spec.nodes.flatMap((node) => {
    const host = connected.hosts.get(node.name);
    return host === undefined ? [] : [{ node, host }];
  });
  const isBeside = !nodes.some(({ host }) => host === connected.seed);
  const observed = await Promise.all([
    ...nodes.map(({ node, host }) => observe(host, node, true)),
    ...(isBeside ? [observe(connected.seed, besideNode(connected.seed), false)] : []),
  ]);
  const found = checkFacts({ topology, bundle, bundles, hosts: observed });
  const findings = [...connected.findings, ...found];
  if (findings.length > 0) throw new HostsUnfitError(findings);

  return {
    systems: new Map(
      observed.flatMap(({ node, facts }): [string, OperatingSystem][] => {
        const system = systemOf(topology, facts);
        return system === undefined ? [] : [[node.name, system]];
      }),
    ),
    architectures: new Map(observed.map(({ node, facts }): [string, string] => [node.name, facts.architecture])),
  };
}

/** A seed beside the cluster, as a host without roles. */
function besideNode({ name, address }: Host): NodeSpec {
  return { name, address, roles: [] };
}
