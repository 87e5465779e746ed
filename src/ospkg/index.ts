/**
 * OS packages: versions, metadata, signatures, dependency closure, writing and signing a repository. Nothing here
 * reaches the network: callers hand in how to fetch, and ask a PackageFormat; code for one format stays in the folder of
 * the format. Start with format.ts, then apt/request.ts or rpm/request.ts.
 */
export { compareDebVersions } from './apt/deb-version.ts';
export * from './documents.ts';
export * from './explain.ts';
export * from './format.ts';
export * from './formats.ts';
export * from './package.ts';
export * from './package-source.ts';
export * from './repository-key.ts';
export { compareRpmVersions } from './rpm/rpm-version.ts';
