import type { PackageFormatName } from '../ospkg/index.ts';
import type { OwnedResource } from '../site/index.ts';
import type { ContainerEngine } from './containers/container-engine.ts';
import { dockerEngine } from './containers/docker/docker-engine.ts';
import { aptManager } from './packages/apt/apt-manager.ts';
import { dnfManager } from './packages/dnf/dnf-manager.ts';
import type { PackageManager } from './packages/package-manager.ts';

/** The container engine and the package manager of one host. */
export interface HostTools {
  /** Undefined where components run no containers. */
  readonly engine: ContainerEngine | undefined;
  readonly packages: PackageManager;
}

/** The tools of the hosts of a site. The operating system of a host decides which package manager it has. */
export interface SiteTools {
  /** Undefined where components run no containers. */
  readonly engine: ContainerEngine | undefined;
  /**
   * The tools of a host whose operating system has packages of this format. Undefined stands for a host that is given no
   * packages, such as a seed beside the cluster; its tools are then those of the first format.
   */
  on(format: PackageFormatName | undefined): HostTools;
}

/** The package managers, by the format that they install. A second container engine is chosen beside them. */
const MANAGERS: Readonly<Record<PackageFormatName, PackageManager>> = { apt: aptManager, rpm: dnfManager };

/** Every package manager that a host may have. */
export function packageManagers(): readonly PackageManager[] {
  return Object.values(MANAGERS);
}

/** The tools of the hosts of a platform. */
export function siteToolsOf({ containerEngine }: { readonly containerEngine: boolean }): SiteTools {
  const engine = containerEngine ? dockerEngine : undefined;
  return { engine, on: (format = 'apt') => ({ engine, packages: MANAGERS[format] }) };
}

/**
 * The format of a host's packages, by the package source that the record says Caisson has made there. Undefined when it
 * has none.
 */
export function recordedFormat(owned: readonly Pick<OwnedResource, 'kind' | 'key'>[]): PackageFormatName | undefined {
  const notes = owned.filter(({ kind }) => kind === 'package-source').map(({ key }) => key);
  const formats: readonly PackageFormatName[] = ['apt', 'rpm'];
  return formats.find((format) => notes.includes(MANAGERS[format].note));
}
