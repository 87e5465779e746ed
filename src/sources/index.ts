/**
 * Where images and files come from: implementations of ImageSource, images.txt, which says which images to get, and files.txt,
 * which says which files. Start with open-source.ts.
 */
export { platformOfConfig } from './config-platform.ts';
export * from './copy-out.ts';
export * from './file-list.ts';
export * from './image-list.ts';
export { decodeList } from './list-lines.ts';
export * from './open-source.ts';
export { formatOrigin, formatSource, parseSource, type SourceReference } from './source-reference.ts';
export { RegistrySource, type RegistrySourceOptions } from './registry-source.ts';
