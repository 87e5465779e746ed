import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describeCheck, HEALTHY, type HealthCheck, type HealthResult } from '../check.ts';
import { request, RequestFailedError, type RequestOptions } from '../http-client.ts';

/** The body does not count. This much is read for this long, so that the server can end its answer; the rest is cut. */
const BODY_LIMIT = 64 * 1024;
const BODY_MS = 1000;

/**
 * GET without following redirects. A status in the check's ranges is healthy; without ranges, any below 500 is, since the
 * service answers for itself. Other statuses are unhealthy, so is a refused or broken connection. No answer within the
 * timeout is dead. Throws when certificates cannot be read.
 */
export async function probeHttp(check: HealthCheck & { readonly model: 'http' }, signal: AbortSignal): Promise<HealthResult> {
  const { url, timeoutMs, certificates, socket } = check;
  const way = {
    ...(certificates === undefined ? {} : await readCertificates(certificates)),
    ...(socket === undefined ? {} : { socketPath: socket }),
  };
  let status: number | undefined;
  try {
    await request(url, { headers: { 'user-agent': 'caisson-health' }, timeoutMs, signal, ...way }, async (response) => {
      status = response.statusCode ?? 0;
      await discard(response);
    });
  } catch (error) {
    if (!(error instanceof RequestFailedError)) throw error;
    if (status === undefined) return failureOf(check, error);
  }
  return judge(check, status ?? 0);
}

/** Reads them for each probe, so that new ones count at once. */
async function readCertificates(directory: string): Promise<Pick<RequestOptions, 'authority' | 'client'>> {
  const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
  const [authority, certificate, key] = await Promise.all([read('ca.crt'), read('tls.crt'), read('tls.key')]);
  return { authority, client: { certificate, key, oldest: 'TLSv1.2' } };
}

function failureOf(check: HealthCheck, { timedOut, brief }: RequestFailedError): HealthResult {
  return { status: timedOut ? 'dead' : 'unhealthy', reason: `${describeCheck(check)}: ${brief}` };
}

function judge(check: HealthCheck & { readonly model: 'http' }, status: number): HealthResult {
  const { status: ranges } = check;
  const isWell = ranges === undefined ? status < 500 : ranges.some(([first, last]) => status >= first && status <= last);
  return isWell ? HEALTHY : { status: 'unhealthy', reason: `${describeCheck(check)} answers ${status}` };
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
