import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { messageOf, MONITORS, OPERATORS, type Emit } from '../core/index.ts';
import { sleep } from '../io/index.ts';
import {
  metricsResponse,
  onlyFor,
  readOnly,
  router,
  startListener,
  startSocketListener,
  textResponse,
  type Handler,
  type HttpResponse,
  type OpenListener,
  type Route,
  type TlsMaterial,
} from '../server/index.ts';
import { agentMetrics } from './agent-metrics.ts';
import type { AgentConfig } from './config.ts';
import type { Measures } from './measures/node-measures.ts';
import type { AgentStatus } from './status.ts';

/** Milliseconds until a failed listener is tried again. */
const RETRY_MS = 10_000;
/** Milliseconds between two looks for new certificates. */
const CERTIFICATE_LOOK_MS = 60_000;
const MAX_CONNECTIONS = 64;

/** The source of the served status, such as NodeAgent. */
export interface StatusSource {
  status(): Promise<AgentStatus>;
  measures(): Measures;
  reload(): Promise<void>;
  report(about: string, message: string | undefined): void;
}

/**
 * Answers until the signal aborts. Over TLS 1.3, operators with a certificate of the cluster's authority get GET
 * /v1/status, /healthz and /metrics, and monitors get /metrics. No other client is let in: not one with the certificate of a
 * node, which a machine may still have after it has left the cluster, and not one with that of a component. On a socket that only root can open, these and POST /v1/reload are answered. A listener that
 * cannot listen is reported as a problem and tried again; services are kept running meanwhile.
 */
export async function serveStatus(source: StatusSource, config: AgentConfig, signal: AbortSignal, emit: Emit): Promise<void> {
  const { address, port } = config.listen;
  const common = { emit, maxConnections: MAX_CONNECTIONS };
  const local = router([...statusRoutes(source), { path: '/v1/reload', name: 'reload', handle: reloading(source) }]);
  await Promise.all([
    keepListening(source, config.socket, signal, () => startSocketListener({ ...common, path: config.socket, handle: local })),
    keepListening(source, `https://${address}:${port}`, signal, async () => {
      const tls = await readTls(config.tls);
      const listener = await startListener({ ...common, host: address, port, tls, handle: router(statusRoutes(source).map(guarded)) });
      void renewCertificates(listener, tls, config.tls, signal);
      return listener;
    }),
  ]);
}

function statusRoutes(source: StatusSource): readonly Route[] {
  return [
    { path: '/healthz', name: 'healthz', handle: readOnly(() => jsonResponse({ ok: true })) },
    { path: '/v1/status', name: 'status', handle: readOnly(async () => jsonResponse(await source.status())) },
    {
      path: METRICS,
      name: 'metrics',
      handle: readOnly(async () => metricsResponse(agentMetrics(await source.status(), source.measures()))),
    },
  ];
}

const METRICS = '/metrics';

function guarded(route: Route): Route {
  const allowed = route.path === METRICS ? [OPERATORS, MONITORS] : [OPERATORS];
  return { ...route, handle: onlyFor(allowed, route.handle) };
}

function reloading(source: StatusSource): Handler {
  return async ({ method }) => {
    if (method !== 'POST') return textResponse(405, 'Only POST is answered here', { allow: 'POST' });
    await source.reload();
    return jsonResponse(await source.status());
  };
}

function jsonResponse(value: unknown): HttpResponse {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return { status: 200, headers, body: `${JSON.stringify(value)}\n` };
}

async function keepListening(source: StatusSource, about: string, signal: AbortSignal, start: () => Promise<OpenListener>): Promise<void> {
  while (!signal.aborted) {
    try {
      const listener = await start();
      source.report(about, undefined);
      await abortOf(signal);
      await listener.close(0);
    } catch (error) {
      source.report(about, `Cannot answer on "${about}": ${messageOf(error)}`);
      await sleep(RETRY_MS, signal).catch(() => {});
    }
  }
}

async function abortOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/**
 * Looks for new certificate files until the signal aborts, and serves with them. Files that are incomplete, or whose
 * key does not match yet, are read again at the next look.
 */
async function renewCertificates(
  listener: OpenListener,
  first: TlsMaterial,
  paths: AgentConfig['tls'],
  signal: AbortSignal,
): Promise<void> {
  let known = first;
  while (!signal.aborted) {
    await sleep(CERTIFICATE_LOOK_MS, signal).catch(() => {});
    try {
      const now = await readTls(paths);
      if (signal.aborted || isDeepStrictEqual(now, known)) continue;
      listener.reloadTls(now);
      known = now;
    } catch {
      continue;
    }
  }
}

async function readTls(paths: AgentConfig['tls']): Promise<TlsMaterial> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8');
  const [certificate, key, clientAuthority] = await Promise.all([read(paths.certificate), read(paths.key), read(paths.authority)]);
  return { certificate, key, clientAuthority, clientOrganizations: [OPERATORS, MONITORS] };
}
