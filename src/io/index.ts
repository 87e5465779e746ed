/** Bytes and files, no domain words: tar layout, verifying streams, safe paths, atomic files, strict YAML, retry. */
export * from './compression.ts';
export * from './file-tree.ts';
export * from './atomic-file.ts';
export * from './leftovers.ts';
export * from './limited-read.ts';
export * from './retry.ts';
export * from './safe-path.ts';
export * from './sleep.ts';
export * from './verifying-stream.ts';
export * from './file-range.ts';
export * from './tar-layout.ts';
export * from './tar-index.ts';
export * from './directory-tree.ts';
export * from './nearest-name.ts';
export { formatPath, type DocumentPath } from './schema-problems.ts';
export * from './yaml-document.ts';
export * from './subtree.ts';
export * from './yaml-format.ts';
