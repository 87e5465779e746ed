import type { ContainerEngine } from './containers/container-engine.ts';
import { dockerEngine } from './containers/docker/docker-engine.ts';
import { aptManager } from './packages/apt/apt-manager.ts';
import type { PackageManager } from './packages/package-manager.ts';

/** The container engine and the package manager of the hosts of a cluster. */
export interface HostTools {
  readonly engine: ContainerEngine;
  readonly packages: PackageManager;
}

/** The tools that clusters have now. A second engine or package manager is chosen here. */
export const HOST_TOOLS: HostTools = { engine: dockerEngine, packages: aptManager };
