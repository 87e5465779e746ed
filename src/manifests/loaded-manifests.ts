import type { YamlDocument } from '../io/index.ts';
import type { Component } from './component.ts';
import type { OperatingSystem } from './operating-system.ts';
import type { PlatformManifest } from './platform.ts';
import type { Role } from './role.ts';

/** A document that was read: its value is absent when the schema refused it. */
export interface LoadedDocument<T> {
  /** Name in the tree, such as roles/manage.yaml. */
  readonly path: string;
  readonly document: YamlDocument;
  readonly value: T | undefined;
}

export interface LoadedManifests {
  readonly platform: LoadedDocument<PlatformManifest> | undefined;
  readonly roles: readonly LoadedDocument<Role>[];
  readonly components: readonly (LoadedDocument<Component> & { readonly templates: ReadonlyMap<string, string> })[];
  readonly operatingSystems: readonly LoadedDocument<OperatingSystem>[];
  /** Whether the tree has a file, for documents that refer to one. */
  readonly exists: (path: string) => Promise<boolean>;
}

/** A component whose document was refused is known all the same: its users are not to blame. */
export function componentNames(loaded: LoadedManifests): Set<string> {
  return new Set(loaded.components.map(({ path, value }) => value?.name ?? path.split('/')[1] ?? path));
}
