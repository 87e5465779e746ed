import { FetchError } from './fetch-error.ts';
import type { HttpResponse } from './http-message.ts';

/** The header that asks for the bytes from `offset` on; none at 0, since signed URLs may not cover it. */
export function rangeHeader(offset: number): Readonly<Record<string, string>> {
  return offset === 0 ? {} : { range: `bytes=${offset}-` };
}

/**
 * Where the body of an answer to a ranged request starts: at `offset` for a 206 that says so, at 0 for a 200, which
 * means that the server ignored the range. Undefined for an answer that is no content at all, which the caller explains.
 * Throws FetchError for a 206 of other bytes than asked for.
 */
export function startOfBody(response: HttpResponse, offset: number): number | undefined {
  if (response.status === 200) return 0;
  if (response.status !== 206) return undefined;
  const range = headerOf(response, 'content-range') ?? '';
  const start = /^bytes (\d+)-\d+\/(?:\d+|\*)$/i.exec(range.trim())?.[1];
  if (start !== undefined && Number(start) === offset) return offset;
  response.body.destroy();
  throw new FetchError(response.url, `asked for the bytes from ${offset} on, the server sent "${range}"`, { status: 206 });
}

/** One header's value; the first when it was sent more than once. */
export function headerOf(response: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}
