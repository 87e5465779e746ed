import type { AptSource } from './load-index.ts';

/** Where an operating system with apt takes its packages from. */
export interface AptPackageSource {
  readonly packages: 'apt';
  readonly codename: string;
  readonly sources: readonly AptSource[];
  /** Patterns of packages that are never taken. */
  readonly exclude?: readonly string[];
  /** Packages of these priorities are shipped besides what the sets need. */
  readonly base: { readonly priorities: readonly string[] };
}
