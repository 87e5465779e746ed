import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { packageFormats } from '../../ospkg/index.ts';
import type { Content } from '../content.ts';

const TYPES: Readonly<Record<string, string>> = {
  json: 'application/json',
  asc: 'text/plain; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  md: 'text/plain; charset=utf-8',
  yaml: 'text/plain; charset=utf-8',
};
const TEXTS: ReadonlySet<string> = new Set([...packageFormats().flatMap(({ textFiles }) => textFiles), 'SHA256SUMS', 'LICENSE', 'README']);

/** Files of a bundle are shown as text or downloaded; none is ever a page of this origin. */
export function contentTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (TEXTS.has(name)) return 'text/plain; charset=utf-8';
  return TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}

/**
 * Content made here. It has no date: a signature may be new while the date of the signed file is old, and a package
 * manager that asks by date would keep a file signed by a key that is gone.
 */
export function bytesContent(path: string, bytes: Uint8Array): Content {
  return {
    size: bytes.byteLength,
    etag: `"sha256:${createHash('sha256').update(bytes).digest('hex')}"`,
    headers: { 'content-type': contentTypeOf(path), 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache' },
    open: async ({ start, end }) => Readable.from([Buffer.from(bytes.subarray(start, end))]),
  };
}
