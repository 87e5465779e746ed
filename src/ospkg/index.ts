/**
 * OS packages: versions, metadata, signatures, dependency closure, writing and signing a repository. Nothing here reaches
 * the network: callers hand in how to fetch. Start with apt/load-index.ts, then apt/closure.ts.
 */
export * from './apt/closure.ts';
export * from './apt/load-index.ts';
export * from './apt/sign-repo.ts';
export * from './apt/write-repo.ts';
export * from './repository-key.ts';
export { compareDebVersions } from './apt/deb-version.ts';
export type { AptPackage } from './apt/apt-package.ts';
export * from './explain.ts';
export * from './package.ts';
