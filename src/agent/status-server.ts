import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { dirname } from 'node:path';
import { messageOf } from '../core/index.ts';
import { sleep } from '../io/index.ts';
import type { AgentConfig } from './config.ts';
import type { AgentStatus } from './status.ts';

/** Pause before a listener that failed is tried again. */
const RETRY_MS = 10_000;
/** New certificates are picked up within this time. */
const CERTIFICATE_LOOK_MS = 60_000;

/** What the server tells of; NodeAgent is one. */
export interface StatusSource {
  status(): Promise<AgentStatus>;
  reload(): Promise<void>;
  report(about: string, message: string | undefined): void;
}

/**
 * Answers until the signal aborts: GET /v1/status and /healthz over TLS 1.3 to clients with a certificate of the cluster's
 * authority, and the same with POST /v1/reload on a socket that only root can open. A listener that cannot listen is
 * reported as a problem and tried again; services are kept all the same.
 */
export async function serveStatus(source: StatusSource, config: AgentConfig, signal: AbortSignal): Promise<void> {
  await Promise.all([
    keepListening(source, config.socket, signal, () => listenOnSocket(source, config.socket)),
    keepListening(source, `https://${config.listen.address}:${config.listen.port}`, signal, () => listenOnNetwork(source, config, signal)),
  ]);
}

async function keepListening(source: StatusSource, about: string, signal: AbortSignal, listen: () => Promise<Server>): Promise<void> {
  while (!signal.aborted) {
    try {
      const server = await listen();
      source.report(about, undefined);
      await endOf(server, signal);
    } catch (error) {
      source.report(about, `Cannot answer on "${about}": ${messageOf(error)}`);
      await sleep(RETRY_MS, signal).catch(() => {});
    }
  }
}

/** Resolves when the server is closed, which it is when the signal aborts. */
async function endOf(server: Server, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      server.close();
      server.closeAllConnections();
    };
    server.on('close', () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    server.on('error', reject);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}

async function listenOnSocket(source: StatusSource, path: string): Promise<Server> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // A socket left by a run that was killed; systemd runs one agent only.
  await rm(path, { force: true });
  const server = createHttpServer(limits(), (request, response) => void answer(request, response, source, true));
  await listening(server, { path });
  await chmod(path, 0o600);
  return server;
}

async function listenOnNetwork(source: StatusSource, config: AgentConfig, signal: AbortSignal): Promise<Server> {
  let files = await readTls(config.tls);
  const server = createHttpsServer(
    { ...limits(), ...files, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3', handshakeTimeout: 5000 },
    (request, response) => void answer(request, response, source, false),
  );
  server.maxConnections = 64;
  await listening(server, { host: config.listen.address, port: config.listen.port });
  const renew = async (): Promise<void> => {
    try {
      const now = await readTls(config.tls);
      if (now.cert === files.cert && now.key === files.key && now.ca === files.ca) return;
      server.setSecureContext({ ...now, minVersion: 'TLSv1.3' });
      files = now;
    } catch {
      // Half written, or a key that does not fit yet: the old certificate serves on until the next look.
    }
  };
  const timer = setInterval(() => void renew(), CERTIFICATE_LOOK_MS);
  timer.unref();
  const clear = (): void => clearInterval(timer);
  server.on('close', clear);
  signal.addEventListener('abort', clear, { once: true });
  return server;
}

async function readTls(tls: AgentConfig['tls']): Promise<{ readonly cert: string; readonly key: string; readonly ca: string }> {
  const [cert, key, ca] = await Promise.all([tls.certificate, tls.key, tls.authority].map((path) => readFile(path, 'utf8')));
  return { cert: cert ?? '', key: key ?? '', ca: ca ?? '' };
}

function limits(): { readonly maxHeaderSize: number; readonly requestTimeout: number; readonly headersTimeout: number } {
  return { maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 5000 };
}

async function listening(
  server: Server,
  place: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(place, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, source: StatusSource, local: boolean): Promise<void> {
  // Nothing that is asked here has a body.
  request.resume();
  try {
    const route = `${request.method ?? ''} ${request.url ?? ''}`;
    if (route === 'GET /healthz') send(response, 200, { ok: true });
    else if (route === 'GET /v1/status') send(response, 200, await source.status());
    else if (local && route === 'POST /v1/reload') {
      await source.reload();
      send(response, 200, await source.status());
    } else send(response, 404, { error: 'not found' });
  } catch (error) {
    if (!response.headersSent) send(response, 500, { error: messageOf(error) });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(text);
}
