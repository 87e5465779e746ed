import type { FileTree } from '../../io/index.ts';
import { contentResponse } from '../content.ts';
import { textResponse, type Handler, type HttpRequest, type HttpResponse } from '../message.ts';
import { decodePath, isPlainPath } from '../path.ts';
import { listingPage } from './listing.ts';
import { bytesContent, contentTypeOf } from './overlay.ts';

export interface FileRoutesOptions {
  readonly tree: FileTree;
  /** Where the files stand in the URL space, with a slash at the end. */
  readonly prefix: string;
  /** Directory of the tree that stands there; all of it when not given. No slash at either end. */
  readonly root?: string;
  /** Files made here, by path under the prefix; they win over the tree's. */
  readonly overlay?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Serves files with entity tags, dates and ranges, and directories as pages for people. A path is decoded once and must
 * be plain: nothing with empty, `.` or `..` segments is looked up.
 */
export function fileRoutes(options: FileRoutesOptions): Handler {
  return async (request) => {
    const path = decodePath(request.path.slice(options.prefix.length));
    const plain = path === undefined || path === '' ? path : path.replace(/\/$/, '');
    if (path === undefined || plain === undefined || (plain !== '' && !isPlainPath(plain))) {
      return textResponse(400, 'The path is not valid');
    }
    if (path !== plain || path === '') return directory(options, request, plain);
    return file(options, request, path);
  };
}

async function file(options: FileRoutesOptions, request: HttpRequest, path: string): Promise<HttpResponse> {
  const made = options.overlay?.get(path);
  if (made !== undefined) return contentResponse(request, bytesContent(path, made));
  const full = treePath(options, path);
  const found = await options.tree.stat(full);
  if (found !== undefined) {
    return contentResponse(request, {
      size: found.size,
      ...(found.digest === undefined ? {} : { etag: `"${found.digest}"` }),
      modified: found.modified,
      headers: { 'content-type': contentTypeOf(path), 'x-content-type-options': 'nosniff' },
      open: (range) => options.tree.open(full, range),
    });
  }
  const isDirectory = (await names(options, path)).length > 0;
  return isDirectory
    ? textResponse(301, 'This is a directory', { location: `${request.path}/` })
    : textResponse(404, 'There is no such file');
}

async function directory(options: FileRoutesOptions, request: HttpRequest, path: string): Promise<HttpResponse> {
  const found = await names(options, path);
  if (found.length === 0 && path !== '') return textResponse(404, 'There is no such directory');
  return listingPage(decodePath(request.path) ?? '/', found);
}

async function names(options: FileRoutesOptions, path: string): Promise<readonly string[]> {
  const prefix = path === '' ? '' : `${path}/`;
  const made = [...(options.overlay?.keys() ?? [])]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).replace(/\/.*$/, '/'));
  return [...new Set([...(await options.tree.list(treePath(options, path))), ...made])].sort();
}

function treePath({ root }: FileRoutesOptions, path: string): string {
  return [root, path].filter((part) => part !== undefined && part !== '').join('/');
}
