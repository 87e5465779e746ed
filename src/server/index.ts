/**
 * HTTP listener, registry routes, repository routes. Handlers map a request value to a response value; only listener.ts
 * knows sockets, and nothing here knows what a bundle is: the bytes come through BlobStore, ImageCatalog and FileTree.
 */
export * from './content.ts';
export * from './html.ts';
export * from './listener.ts';
export * from './message.ts';
export * from './metrics.ts';
export * from './route.ts';
export * from './registry/routes.ts';
export * from './repo/file-routes.ts';
