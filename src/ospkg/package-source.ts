import type { AptPackageSource } from './apt/package-source.ts';
import type { RpmPackageSource } from './rpm/package-source.ts';

/** Where the packages of an operating system come from, keyrings included; `packages` names the format. */
export type PackageSource = AptPackageSource | RpmPackageSource;
