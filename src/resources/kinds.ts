import { artifactKind } from './artifact.ts';
import { blockKind } from './block.ts';
import { bundleKind } from './bundle-file.ts';
import { definitionKind } from './definition.ts';
import { directoryKind } from './directory.ts';
import { executableKind } from './executable.ts';
import { fileKind } from './file.ts';
import { fileSetKind } from './file-set.ts';
import { imageKind } from './image.ts';
import { linkKind } from './link.ts';
import { loginKeyKind } from './login-key.ts';
import { moduleKind } from './module.ts';
import { mountKind } from './mount.ts';
import { packageKind } from './package.ts';
import { packageSourceKind } from './package-source.ts';
import type { ResourceKind } from './kind.ts';
import type { ResourceKindName, Specs } from './resource.ts';
import { routeKind } from './route.ts';
import { sysctlKind } from './sysctl.ts';
import { unitKind } from './unit.ts';
import { userKind } from './user.ts';

/** Every kind of resource, by name. */
export const KINDS: { readonly [K in ResourceKindName]: ResourceKind<Specs[K]> } = {
  artifact: artifactKind,
  block: blockKind,
  bundle: bundleKind,
  certificate: fileSetKind,
  definition: definitionKind,
  directory: directoryKind,
  executable: executableKind,
  file: fileKind,
  image: imageKind,
  keypair: fileSetKind,
  link: linkKind,
  'login-key': loginKeyKind,
  module: moduleKind,
  mount: mountKind,
  package: packageKind,
  'package-source': packageSourceKind,
  route: routeKind,
  sysctl: sysctlKind,
  unit: unitKind,
  user: userKind,
};

/** Order in which the resources of one owner are made. They are removed in reverse. */
export const KIND_ORDER: readonly ResourceKindName[] = [
  'login-key',
  'bundle',
  'user',
  'directory',
  'module',
  'sysctl',
  'route',
  'block',
  'file',
  'keypair',
  'certificate',
  'package-source',
  'package',
  'mount',
  'executable',
  'link',
  'image',
  'artifact',
  'unit',
  'definition',
];

/**
 * Kinds that keep the original that they replace and put it back when the owner goes. Other kinds leave the resource as
 * it is.
 */
export const RESTORING: ReadonlySet<ResourceKindName> = new Set([
  'file',
  'certificate',
  'keypair',
  'definition',
  'executable',
  'artifact',
  'sysctl',
  'module',
]);

/**
 * Kinds whose resources bear marks of Caisson: one that a host has is ours, also when no record has it. A command made a login
 * key before the run that records it; a bundle in our directory has its digest in its name.
 */
export const MARKED: ReadonlySet<ResourceKindName> = new Set(['login-key', 'bundle']);

export function isKind(name: string): name is ResourceKindName {
  return Object.hasOwn(KINDS, name);
}
