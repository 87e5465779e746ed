/**
 * Where images come from: implementations of ImageSource, and images.txt, which says which images to get. Start with
 * open-source.ts.
 */
export { platformOfConfig } from './config-platform.ts';
export * from './copy-out.ts';
export * from './image-list.ts';
export { decodeList } from './list-lines.ts';
export * from './open-source.ts';
export { formatOrigin, formatSource, parseSource, type SourceReference } from './source-reference.ts';
export { RegistrySource, type RegistrySourceOptions } from './registry-source.ts';
