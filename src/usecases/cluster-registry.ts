import type { BundleReader } from '../bundle/index.ts';
import type { Topology } from '../cluster/index.ts';
import type { Clock, Digest } from '../core/index.ts';
import type { StepContext } from '../engine/index.ts';
import type { ClusterRegistry } from '../plan/index.ts';
import type { SiteRecord } from '../site/index.ts';

/** The images for a registry, and how it is reached. */
export interface RegistryContent {
  readonly registry: ClusterRegistry;
  readonly bundle: BundleReader;
  /** Certificate (PEM) of the authority that signed that of the registry. */
  readonly authority: string;
  /** With what it is written to; undefined where everybody may write. */
  readonly login?: RegistryLogin | undefined;
  readonly clock: Clock;
}

/** A user of a registry. The password is never printed or recorded. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** Talks to the registry of a cluster. It is handed in, because code here reaches no network by itself. */
export interface RegistryFiller {
  /** True when each image is there under its name, with all of its blobs. Changes nothing. Throws what the client throws. */
  isFilled(content: RegistryContent, context: StepContext): Promise<boolean>;
  /** Sends the images and blobs that the registry does not have, under the digests of the bundle. Throws PUSH_INCOMPLETE and what the client throws. */
  fill(content: RegistryContent, context: StepContext): Promise<void>;
}

/** Returns the registry of a cluster unless the record says that it has the images of this bundle. */
export function registryToFill(topology: Topology, record: SiteRecord | undefined, bundle: Digest): ClusterRegistry | undefined {
  const registry = registryOf(topology);
  const filled = record?.registry;
  const isFilled = filled?.bundle === bundle && registry?.hosts.join() === filled.hosts.join();
  return isFilled ? undefined : registry;
}

/** Undefined where the platform has no registry, or where no host runs it or leads to it. */
function registryOf(topology: Topology): ClusterRegistry | undefined {
  const { registry } = topology.platform;
  if (registry === undefined) return undefined;
  const hosts = topology.hostsOf(registry.component).map(({ name }) => name);
  const entry = topology.hostsOf(registry.entry ?? registry.component)[0];
  return hosts.length === 0 || entry === undefined ? undefined : { name: registry.name, address: entry.address, hosts };
}
