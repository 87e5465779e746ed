import type { YamlDocument } from '../io/index.ts';
import type { Component } from './component.ts';
import type { OperatingSystem } from './operating-system.ts';
import type { PlatformManifest } from './platform.ts';
import type { Role } from './role.ts';

/** A document that was read. `value` is undefined when the schema refused the document. */
export interface LoadedDocument<T> {
  /** Path in the tree of manifests, such as roles/manage.yaml. */
  readonly path: string;
  readonly document: YamlDocument;
  readonly value: T | undefined;
}

export interface LoadedManifests {
  readonly platform: LoadedDocument<PlatformManifest> | undefined;
  readonly roles: readonly LoadedDocument<Role>[];
  readonly components: readonly (LoadedDocument<Component> & { readonly templates: ReadonlyMap<string, string> })[];
  readonly operatingSystems: readonly LoadedDocument<OperatingSystem>[];
  /** Resolves to true when the tree has this file. */
  readonly exists: (path: string) => Promise<boolean>;
}

/**
 * Names of all components. A component whose document was refused counts too, so that references to it are not reported
 * as mistakes.
 */
export function componentNames(loaded: LoadedManifests): Set<string> {
  return new Set(loaded.components.map(({ path, value }) => value?.name ?? path.split('/')[1] ?? path));
}
