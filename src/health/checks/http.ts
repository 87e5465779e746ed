import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { errnoOf, messageOf } from '../../core/index.ts';
import { HEALTHY, type HealthCheck, type HealthResult } from '../check.ts';

/** An answer's body says nothing to a probe; this much is read so that the server can end it, the rest is cut. */
const BODY_LIMIT = 64 * 1024;

/**
 * GET without following redirects: any status below 500 is healthy, since the service answers for itself; 500 and above
 * is unhealthy, so is a refused or broken connection. No answer within the timeout is dead.
 */
export async function probeHttp(check: HealthCheck & { readonly model: 'http' }, signal: AbortSignal): Promise<HealthResult> {
  signal.throwIfAborted();
  const url = new URL(check.url);
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    // A connection of its own: an idle one that is kept says nothing about whether a new client gets in.
    agent: false,
    headers: { 'user-agent': 'caisson-health' },
    maxHeaderSize: BODY_LIMIT,
    signal,
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve({ status: 'dead', reason: `no answer from ${check.url} within ${check.timeoutMs / 1000} s` });
      request.destroy();
    }, check.timeoutMs);
    request.on('response', (response) => {
      resolve(judge(check.url, response.statusCode ?? 0));
      discard(response);
    });
    request.on('error', (error) => {
      if (signal.aborted) reject(error);
      else resolve({ status: 'unhealthy', reason: `${check.url}: ${errnoOf(error) ?? messageOf(error)}` });
    });
    request.on('close', () => clearTimeout(timer));
    request.end();
  });
}

function judge(url: string, status: number): HealthResult {
  return status < 500 ? HEALTHY : { status: 'unhealthy', reason: `${url} answers ${status}` };
}

function discard(response: IncomingMessage): void {
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > BODY_LIMIT) response.destroy();
  });
  response.on('error', () => {});
}
