import type { ContainerEngine } from './containers/container-engine.ts';
import { dockerEngine } from './containers/docker/docker-engine.ts';
import { aptManager } from './packages/apt/apt-manager.ts';
import type { PackageManager } from './packages/package-manager.ts';

/** The container engine and the package manager of the hosts of a cluster. */
export interface HostTools {
  /** Undefined where components run no containers. */
  readonly engine: ContainerEngine | undefined;
  readonly packages: PackageManager;
}

/** The tools of hosts that have all of them. A second engine or package manager is chosen here. */
export const HOST_TOOLS = { engine: dockerEngine, packages: aptManager } satisfies HostTools;

/** The tools of the hosts of a platform. */
export function hostToolsOf({ containerEngine }: { readonly containerEngine: boolean }): HostTools {
  return containerEngine ? HOST_TOOLS : { ...HOST_TOOLS, engine: undefined };
}
