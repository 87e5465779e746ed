import type { Readable } from 'node:stream';
import type { ByteRange } from '../oci/index.ts';
import { contentRange, parseRange } from './byte-range.ts';
import { textResponse, type HttpRequest, type HttpResponse, type StreamBody } from './message.ts';

/** A piece of content with the facts that conditional and range requests need. */
export interface Content {
  readonly size: number;
  /** Strong entity tag, quotes included. */
  readonly etag?: string;
  readonly modified?: Date;
  readonly headers: Readonly<Record<string, string>>;
  open(range: ByteRange): Promise<Readable>;
}

/** Answers GET and HEAD for content: 200, 206, 304 or 416 (RFC 9110, 13.2 and 14). A Range is ignored for HEAD. */
export function contentResponse(request: HttpRequest, content: Content): HttpResponse {
  const headers = { ...content.headers, ...validators(content), 'accept-ranges': 'bytes' };
  if (isUnchanged(request, content)) return { status: 304, headers };
  const range = wantedRange(request, content);
  if (range === 'unsatisfiable') {
    return textResponse(416, 'The range is outside the content', { 'content-range': contentRange(undefined, content.size) });
  }
  if (range === undefined) return { status: 200, headers, body: bodyOf(content, { start: 0, end: content.size }) };
  return { status: 206, headers: { ...headers, 'content-range': contentRange(range, content.size) }, body: bodyOf(content, range) };
}

/** True when an If-None-Match names this entity tag (weak comparison). */
export function matchesTag(header: string, etag: string | undefined): boolean {
  if (header.trim() === '*') return true;
  return etag !== undefined && header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

function validators(content: Content): Record<string, string> {
  return {
    ...(content.etag === undefined ? {} : { etag: content.etag }),
    ...(content.modified === undefined ? {} : { 'last-modified': content.modified.toUTCString() }),
  };
}

function bodyOf(content: Content, range: ByteRange): StreamBody {
  return { size: range.end - range.start, open: () => content.open(range) };
}

function isUnchanged(request: HttpRequest, content: Content): boolean {
  const tags = request.header('if-none-match');
  if (tags !== undefined) return matchesTag(tags, content.etag);
  const since = request.header('if-modified-since');
  if (since === undefined || content.modified === undefined) return false;
  return wholeSeconds(content.modified) <= Date.parse(since);
}

function wantedRange(request: HttpRequest, content: Content): ByteRange | 'unsatisfiable' | undefined {
  const header = request.header('range');
  if (header === undefined || request.method !== 'GET') return undefined;
  return isSameContent(request.header('if-range'), content) ? parseRange(header, content.size) : undefined;
}

/** If-Range holds a strong entity tag or the exact Last-Modified date (RFC 9110, 13.1.5). */
function isSameContent(condition: string | undefined, content: Content): boolean {
  if (condition === undefined) return true;
  if (condition.includes('"')) return condition.trim() === content.etag;
  return content.modified !== undefined && Date.parse(condition) === wholeSeconds(content.modified);
}

/** HTTP dates have no fractions of a second. */
function wholeSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000;
}
