import type { Digest } from '../core/index.ts';
import type { ArtifactSpec } from './artifact.ts';
import type { BlockSpec } from './block.ts';
import type { BundleFileSpec } from './bundle-file.ts';
import type { DefinitionSpec } from './definition.ts';
import type { DirectorySpec } from './directory.ts';
import type { ExecutableSpec } from './executable.ts';
import type { FileSetSpec } from './file-set.ts';
import type { ImageSpec } from './image.ts';
import type { LinkSpec } from './link.ts';
import type { LoginKeySpec } from './login-key.ts';
import type { ModuleSpec } from './module.ts';
import type { MountSpec } from './mount.ts';
import type { PackageSourceSpec } from './package-source.ts';
import type { PackageSpec } from './package.ts';
import type { FileSpec } from './placed-file.ts';
import type { RouteSpec } from './route.ts';
import type { SysctlSpec } from './sysctl.ts';
import type { UnitSpec } from './unit.ts';
import type { UserSpec } from './user.ts';

/** The wanted state for each kind of resource. */
export interface Specs {
  readonly artifact: ArtifactSpec;
  readonly block: BlockSpec;
  readonly bundle: BundleFileSpec;
  readonly certificate: FileSetSpec;
  readonly definition: DefinitionSpec;
  readonly directory: DirectorySpec;
  readonly executable: ExecutableSpec;
  readonly file: FileSpec;
  readonly image: ImageSpec;
  readonly keypair: FileSetSpec;
  readonly link: LinkSpec;
  readonly 'login-key': LoginKeySpec;
  readonly module: ModuleSpec;
  readonly mount: MountSpec;
  readonly package: PackageSpec;
  readonly 'package-source': PackageSourceSpec;
  readonly route: RouteSpec;
  readonly sysctl: SysctlSpec;
  readonly unit: UnitSpec;
  readonly user: UserSpec;
}

export type ResourceKindName = keyof Specs;

/** One resource that is wanted on a host. */
export interface ResourceOf<K extends ResourceKindName> {
  readonly kind: K;
  /** Path or name of the resource, unique within its kind on the host. */
  readonly key: string;
  readonly host: string;
  /** Name of the component that the resource belongs to, or one of the owners in owners.ts. */
  readonly owner: string;
  /** Digest of the wanted state; undefined while a secret or certificate in that state has not been made. */
  readonly digest: Digest | undefined;
  readonly spec: Specs[K];
}

export type Resource = { [K in ResourceKindName]: ResourceOf<K> }[ResourceKindName];
