import { FetchError, printableUrl } from './fetch-error.ts';
import { isLoopback } from './loopback.ts';

/** Parses an absolute http or https URL. Throws FETCH_FAILED. */
export function webUrl(text: string): URL {
  if (!URL.canParse(text)) throw new FetchError(text, 'it is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new FetchError(text, 'it is neither http nor https');
  return url;
}

/**
 * Where a redirect leads. Throws FETCH_FAILED for one that would lose encryption, or reach from outside into this
 * machine.
 */
export function redirectTarget(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw new FetchError(from, 'it redirects to something that is not a URL');
  const to = webUrl(new URL(location, from).href);
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw new FetchError(from, `it redirects to unencrypted "${printableUrl(to)}"`);
  if (isLoopback(to.hostname) && !isLoopback(from.hostname))
    throw new FetchError(from, `it redirects to this machine ("${printableUrl(to)}")`);
  return to;
}
