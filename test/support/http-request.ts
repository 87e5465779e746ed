import type { HttpRequest, HttpResponse } from '../../src/server/index.ts';

/** A request value for a handler, without a socket. */
export function httpRequest(target: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): HttpRequest {
  const mark = target.indexOf('?');
  return {
    method,
    path: mark === -1 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)),
    secure: false,
    clientOrganizations: [],
    header: (name) => headers[name],
  };
}

/** The body of a response value as text. */
export async function bodyText(response: HttpResponse): Promise<string> {
  const { body } = response;
  if (body === undefined) return '';
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Buffer[] = [];
  for await (const chunk of await body.open()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}
