import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { readLimited } from '../../io/index.ts';

const MAX_JSON_BYTES = 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 10_000;

export interface GetJsonOptions {
  /** PEM text of the only authority that is trusted for an https address; the system's when not given. */
  readonly authority?: string;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Asks one address of the cluster for a small JSON document. Follows no redirects. Throws for anything but status 200
 * with JSON of at most 1 MiB within the timeout; callers turn that into what they wait for.
 */
export async function getJson(url: string, options: GetJsonOptions): Promise<unknown> {
  const { authority, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const target = new URL(url);
  const timeout = AbortSignal.timeout(timeoutMs);
  const request = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, {
    agent: false,
    headers: { accept: 'application/json' },
    signal: AbortSignal.any([options.signal, timeout]),
    ...(authority === undefined ? {} : { ca: authority }),
  });
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
      request.end();
    });
    const bytes = await readLimited(response, MAX_JSON_BYTES, `"${url}"`);
    if (response.statusCode !== 200) throw new Error(`"${url}" answers ${response.statusCode ?? 0}`);
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    options.signal.throwIfAborted();
    if (timeout.aborted) throw new Error(`no answer from "${url}" within ${timeoutMs / 1000} s`, { cause: error });
    throw error;
  } finally {
    request.destroy();
  }
}
