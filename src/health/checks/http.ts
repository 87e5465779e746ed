import type { IncomingMessage } from 'node:http';
import { HEALTHY, type HealthCheck, type HealthResult } from '../check.ts';
import { request, RequestFailedError } from '../http-client.ts';

/** The body does not count. This much is read for this long, so that the server can end its answer; the rest is cut. */
const BODY_LIMIT = 64 * 1024;
const BODY_MS = 1000;

/**
 * GET without following redirects. A status in the check's ranges is healthy; without ranges, any below 500 is, since the
 * service answers for itself. Other statuses are unhealthy, so is a refused or broken connection. No answer within the
 * timeout is dead.
 */
export async function probeHttp(check: HealthCheck & { readonly model: 'http' }, signal: AbortSignal): Promise<HealthResult> {
  const { url, timeoutMs } = check;
  let status: number | undefined;
  try {
    await request(url, { headers: { 'user-agent': 'caisson-health' }, timeoutMs, signal }, async (response) => {
      status = response.statusCode ?? 0;
      await discard(response);
    });
  } catch (error) {
    if (!(error instanceof RequestFailedError)) throw error;
    if (status === undefined) return failureOf(url, error);
  }
  return judge(check, status ?? 0);
}

function failureOf(url: string, { timedOut, brief }: RequestFailedError): HealthResult {
  return { status: timedOut ? 'dead' : 'unhealthy', reason: `${url}: ${brief}` };
}

function judge({ url, status: ranges }: HealthCheck & { readonly model: 'http' }, status: number): HealthResult {
  const isWell = ranges === undefined ? status < 500 : ranges.some(([first, last]) => status >= first && status <= last);
  return isWell ? HEALTHY : { status: 'unhealthy', reason: `${url} answers ${status}` };
}

/** Resolves at the end of the body, or when it is too long or takes too long. */
async function discard(response: IncomingMessage): Promise<void> {
  let size = 0;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, BODY_MS);
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > BODY_LIMIT) resolve();
    });
    response.on('error', () => {});
    response.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
