import type { HttpResponse } from './http-message.ts';

/** The header that asks for the bytes from `offset` on; none at 0, since signed URLs may not cover it. */
export function rangeHeader(offset: number): Readonly<Record<string, string>> {
  return offset === 0 ? {} : { range: `bytes=${offset}-` };
}

/**
 * Where the body of an answer starts: at `offset` for a 206 that says so, at 0 for a 200, which means that the server
 * ignored the range. `elsewhere` when the body cannot be continued with: a 206 of other bytes or of a file of another
 * size than `size`, a 206 without a Range in the request, or a 416. Undefined for an answer without content, which the
 * caller explains. RFC 9110, 14.4 and 15.3.7.
 */
export function startOfBody(response: HttpResponse, offset: number, size?: number): number | 'elsewhere' | undefined {
  if (response.status === 200) return 0;
  if (response.status === 416 && offset > 0) return 'elsewhere';
  if (response.status !== 206) return undefined;
  if (offset === 0) return 'elsewhere';
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(contentRange(response)) ?? [];
  if (start === undefined || Number(start) !== offset || Number(end) < offset) return 'elsewhere';
  return total === '*' || size === undefined || Number(total) === size ? offset : 'elsewhere';
}

/** The Content-Range of an answer, for a message. */
export function contentRange(response: HttpResponse): string {
  return (headerOf(response, 'content-range') ?? '').trim();
}

/** One header's value; the first when it was sent more than once. */
export function headerOf(response: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}
