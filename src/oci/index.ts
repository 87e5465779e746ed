/** Image nouns and the interfaces at the seams: ImageSource, BlobStore, ImageCatalog. No network here. */
export * from './blob-store.ts';
export * from './descriptor.ts';
export * from './image-catalog.ts';
export * from './image-source.ts';
export * from './manifest.ts';
export * from './media-types.ts';
export * from './reference.ts';
export * from './select-platform.ts';
