/**
 * Where images come from: implementations of ImageSource, and images.txt, which says which images to get. Start with
 * open-source.ts; registry/ pulls from OCI registries.
 */
export * from './image-list.ts';
export * from './open-source.ts';
export * from './registry/credentials.ts';
export type { Mirrors } from './registry/endpoint.ts';
export { RegistryError, type RegistryDiagnostic } from './registry/registry-error.ts';
export { RegistrySource, type RegistrySourceOptions } from './registry/registry-source.ts';
