import { FetchError, headerOf, isLoopback, printableUrl, type HttpResponse } from '../net/index.ts';

/**
 * Where an upload goes on: the Location of an answer, relative or absolute (distribution-spec, Pushing blobs). A registry
 * behind a proxy that ends TLS often names itself by http: it is asked by https nevertheless. Throws FETCH_FAILED for an
 * answer without one, and for one that would lose encryption to another host or reach from outside into this machine.
 */
export function uploadAddress(response: Pick<HttpResponse, 'headers' | 'url'>): string {
  const from = new URL(response.url);
  const location = headerOf(response, 'location');
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new FetchError(from, 'it started an upload and did not say where to send it', { action: 'send to' });
  }
  const to = new URL(location, from);
  to.username = '';
  to.password = '';
  const refuse = (why: string): FetchError =>
    new FetchError(from, `it wants the upload sent to ${why} ("${printableUrl(to)}")`, {
      action: 'send to',
      hint: 'The registry does not know its own address: correct it in its configuration (externalURL, http.host, relativeurls)',
    });
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refuse('something that is no web address');
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    if (to.hostname !== from.hostname || (to.port !== '' && to.port !== from.port)) throw refuse('an unencrypted address');
    to.protocol = from.protocol;
    to.port = from.port;
  }
  if (isLoopback(to.hostname) && !isLoopback(from.hostname)) throw refuse('this machine');
  return to.href;
}

/** The upload's address with the digest that ends it; the rest of its query may be signed and stays as it is. */
export function commitAddress(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}
