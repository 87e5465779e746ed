import type { BundleReader } from '../bundle/index.ts';
import type { ClusterSpec, Topology } from '../cluster/index.ts';
import type { Manifests, OperatingSystem } from '../manifests/index.ts';
import type { Clock } from '../core/index.ts';
import type { Host } from '../host/index.ts';
import type { AgentStatuses } from './agent-statuses.ts';
import type { SeedLayout } from '../site/index.ts';
import type { SecretStore } from './secret-store.ts';
import type { SiteAuthority } from './site-authority.ts';

/** Everything that phases plan from: what was declared, what was found, what the bundle holds, what this site keeps. */
export interface InstallContext {
  readonly spec: ClusterSpec;
  readonly manifests: Manifests;
  readonly topology: Topology;
  readonly bundle: BundleReader;
  /** It and every other bundle that it needs. */
  readonly bundles: readonly BundleReader[];
  /** The machine that this process runs on. */
  readonly seed: Host;
  /** Where the seed keeps what only it has. */
  readonly seedLayout: SeedLayout;
  /** Every node of the cluster by name; the seed's own object when the seed is a node. */
  readonly hosts: ReadonlyMap<string, Host>;
  /** Which operating system of the manifests each node runs. */
  readonly systems: ReadonlyMap<string, OperatingSystem>;
  /** CPU of each node and of the seed, in the words of image platforms (amd64). */
  readonly architectures: ReadonlyMap<string, string>;
  readonly secrets: SecretStore;
  readonly authority: SiteAuthority;
  readonly agents: AgentStatuses;
  readonly depot: DepotAddress;
  readonly clock: Clock;
}

export interface DepotAddress {
  /** DNS name that every node gets in /etc/hosts. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** host:port as docker names a registry. */
export function depotAuthority(depot: DepotAddress): string {
  return `${depot.name}:${depot.port}`;
}

export function depotUrl(depot: DepotAddress): string {
  return `https://${depotAuthority(depot)}`;
}

export function hostOf(context: InstallContext, node: string): Host {
  const host = context.hosts.get(node);
  if (host === undefined) throw new Error(`no host is connected for node "${node}"`);
  return host;
}
