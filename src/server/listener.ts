import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, Server as HttpsServer, type ServerOptions as HttpsOptions } from 'node:https';
import { isIPv6, type AddressInfo, type ListenOptions, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { TLSSocket } from 'node:tls';
import { CaissonError, errnoOf, messageOf, type Emit } from '../core/index.ts';
import { bodySize, isReading, textResponse, type Handler, type HttpRequest, type HttpResponse, type StreamBody } from './message.ts';
import { splitTarget } from './path.ts';
import { isPlainRequest, refuseConnection } from './refuse-connection.ts';
import { sendBody } from './send-body.ts';

/** PEM texts; the certificate may be followed by its chain. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  /** Only clients with a certificate of this authority are let in. Both sides are of one cluster then, and speak TLS 1.3. */
  readonly clientAuthority?: string;
  /** Of the clients of that authority, only those are let in whose certificate has one of these organizations (O) in its subject. */
  readonly clientOrganizations?: readonly string[];
}

/** One finished or broken exchange, for metrics. */
export interface Exchange {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  /** Body bytes; 0 when the client left before the end. */
  readonly bytes: number;
}

interface ExchangeOptions {
  readonly handle: Handler;
  readonly emit: Emit;
  readonly onExchange?: (exchange: Exchange) => void;
  /** Connections over this number are closed at once, with a warning; without it there is no limit. */
  readonly maxConnections?: number;
  /** Milliseconds after which a client that does not read its response is cut off; 60 000 by default. */
  readonly readerMs?: number;
  /** Milliseconds in which the header of a request must arrive; 100 000 by default. A request that is late gets 408. */
  readonly headersMs?: number;
}

export interface ListenerOptions extends ExchangeOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly tls?: TlsMaterial;
}

export interface SocketListenerOptions extends ExchangeOptions {
  /** Where the socket is made, for its owner alone. What lies there is replaced: the caller knows that no other process listens. */
  readonly path: string;
}

/** A listener of either kind. */
export interface OpenListener {
  /** Open connections, idle ones included. */
  connections(): number;
  /** Uses other key material for connections from now on. Throws CERTIFICATE_INVALID and keeps the old. */
  reloadTls(tls: TlsMaterial): void;
  /** Stops accepting, lets running responses finish for `graceMs` milliseconds, then closes the other connections. */
  close(graceMs: number): Promise<void>;
}

export interface Listener extends OpenListener {
  readonly address: string;
  readonly port: number;
  readonly url: string;
}

/** Pools of Go clients keep connections for up to 90 s; a shorter time here gives them resets. */
const KEEP_ALIVE_MS = 95_000;
const HEADERS_MS = 100_000;
/** Milliseconds between two looks for requests whose header is late. */
const CHECK_MS = 30_000;
/** Milliseconds after which a connection without traffic is closed, so that an idle client cannot hold a file open. */
const STALL_MS = 300_000;
/** Milliseconds in which a client must take something of a response: its buffers and its place are others' then. */
const READER_MS = 60_000;
/** Milliseconds between two warnings of refused connections. */
const CROWD_MS = 60_000;
/** Most bytes of a request body that are drained; a longer body closes the connection. */
const DRAIN_LIMIT = 1024 * 1024;

/** Up to this size, turning a body into characters costs less than a second piece to write. */
const SMALL_BODY = 16 * 1024;

/** Starts a server for a handler. Throws LISTEN_FAILED and CERTIFICATE_INVALID. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const server = makeServer(options, options.tls);
  const open = answerOn(server, options);
  await listen(server, options);
  const { address, port } = boundTo(server);
  const url = `${options.tls === undefined ? 'http' : 'https'}://${isIPv6(address) ? `[${address}]` : address}:${port}`;
  return { ...open, address, port, url };
}

/** Starts a server on a unix socket that only its owner can open. Throws LISTEN_FAILED. */
export async function startSocketListener(options: SocketListenerOptions): Promise<OpenListener> {
  const { path } = options;
  const server = makeServer(options, undefined);
  const open = answerOn(server, options);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(path, { force: true });
    await bind(server, { path });
    await chmod(path, 0o600);
  } catch (cause) {
    server.close();
    throw new CaissonError('LISTEN_FAILED', `Cannot listen on "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'The process makes the socket itself, and must be allowed to write to its directory',
    });
  }
  warnOfErrors(server, `"${path}"`, options);
  return open;
}

function answerOn(server: Server | HttpsServer, options: ExchangeOptions): OpenListener {
  const sockets = new Set<Socket>();
  const running = new RunningCount();
  const answering = new WeakMap<Socket, number>();

  function accept(incoming: IncomingMessage, outgoing: ServerResponse): void {
    running.begin();
    if (running.draining) outgoing.shouldKeepAlive = false;
    const sent = new Sent();
    const { socket } = incoming;
    answering.set(socket, (answering.get(socket) ?? 0) + 1);
    outgoing.on('close', () => {
      running.end();
      answering.set(socket, (answering.get(socket) ?? 0) - 1);
      if (sent.response !== undefined) options.onExchange?.(exchangeOf(incoming, outgoing, sent.response));
      if (running.draining) setImmediate(() => server.closeIdleConnections());
    });
    void respond(incoming, outgoing, options, sent);
  }

  server.on('request', accept).on('checkContinue', accept);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('clientError', (error: Error, socket: Socket) => {
    // Written now, the refusal would be taken for the answer to the request before it.
    if ((answering.get(socket) ?? 0) > 0) socket.destroy();
    else refuseConnection(error, isPlainRequest(error) ? (below(socket, sockets) ?? socket) : socket);
  });
  if (options.maxConnections !== undefined) limitConnections(server, options.maxConnections, options.emit);
  return {
    connections: () => sockets.size,
    reloadTls(tls) {
      if (!(server instanceof HttpsServer)) throw new Error('A plain server has no key material');
      withCertificateErrors(() => server.setSecureContext(tlsOptions(tls)));
    },
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await withTimeLimit(running.drain(), graceMs);
      for (const socket of sockets) socket.destroy();
      await closed;
      sockets.clear();
    },
  };
}

function limitConnections(server: Server | HttpsServer, limit: number, emit: Emit): void {
  let isQuiet = false;
  server.maxConnections = limit;
  server.on('drop', () => {
    if (isQuiet) return;
    isQuiet = true;
    setTimeout(() => (isQuiet = false), CROWD_MS).unref();
    emit({ type: 'warning', message: `More than ${limit} connections are open: new ones are closed until others end` });
  });
}

/** The connection that carries a TLS socket; Node names it by its addresses alone. */
function below(socket: Socket, connections: ReadonlySet<Socket>): Socket | undefined {
  const { remoteAddress, remotePort, localAddress } = socket;
  return [...connections].find(
    (raw) => raw.remotePort === remotePort && raw.remoteAddress === remoteAddress && raw.localAddress === localAddress,
  );
}

function makeServer({ headersMs = HEADERS_MS }: ExchangeOptions, tls: TlsMaterial | undefined): Server | HttpsServer {
  const timing = { headersTimeout: headersMs, connectionsCheckingInterval: Math.min(headersMs, CHECK_MS) };
  const server =
    tls === undefined
      ? createHttpServer(timing)
      : withCertificateErrors(() => createHttpsServer({ ...timing, ...tlsOptions(tls), handshakeTimeout: 20_000 }));
  if (server instanceof HttpsServer && tls?.clientOrganizations !== undefined) refuseOthers(server, tls.clientOrganizations);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = 0;
  server.timeout = STALL_MS;
  return server;
}

function tlsOptions({ certificate, key, clientAuthority }: TlsMaterial): HttpsOptions {
  const own = { cert: certificate, key };
  if (clientAuthority === undefined) return { ...own, minVersion: 'TLSv1.2' };
  return { ...own, ca: clientAuthority, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' };
}

/** Ends the connections of clients that are of none of the organizations, before anything of a request is read. */
function refuseOthers(server: HttpsServer, organizations: readonly string[]): void {
  server.on('secureConnection', (socket) => {
    if (!organizationsOf(socket).some((organization) => organizations.includes(organization))) socket.destroy();
  });
}

/** The organizations of the client's certificate. */
function organizationsOf(socket: TLSSocket): readonly string[] {
  // The types have one text, and Node gives a list where a subject has several.
  const found: unknown = socket.getPeerCertificate().subject?.O;
  return [found].flat().filter((organization) => typeof organization === 'string');
}

function withCertificateErrors<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new CaissonError('CERTIFICATE_INVALID', `Cannot use the certificate and key of the server: ${messageOf(cause)}`, {
      cause,
      hint: 'Both are PEM, and the key belongs to the first certificate of the file',
    });
  }
}

async function listen(server: Server, options: ListenerOptions): Promise<void> {
  const { host, port } = options;
  try {
    await bind(server, { host, port, backlog: 1024 });
  } catch (cause) {
    const reason = errnoOf(cause) === 'EADDRINUSE' ? 'another process listens there' : messageOf(cause);
    throw new CaissonError('LISTEN_FAILED', `Cannot listen on "${host}" port ${port}: ${reason}`, {
      cause,
      hint: `Choose another address, or find the process with: ss -ltnp "sport = :${port}"`,
    });
  }
  warnOfErrors(server, `port ${port}`, options);
}

async function bind(server: Server, place: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(place, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function warnOfErrors(server: Server, place: string, { emit }: ExchangeOptions): void {
  server.on('error', (error) => emit({ type: 'warning', message: `Server on ${place}: ${error.message}` }));
}

function boundTo(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('A listening TCP server has an address');
  return address;
}

/** The response of an exchange, once it is known. */
class Sent {
  response: HttpResponse | undefined;
}

/** Answers one request. Never throws: a failing handler gives status 500 and a warning; a client that leaves gives no warning. */
async function respond(incoming: IncomingMessage, outgoing: ServerResponse, options: ExchangeOptions, sent: Sent): Promise<void> {
  drain(incoming);
  const answered = answer(new ListenerRequest(incoming), options);
  // A response that is no promise is sent without `await`, which would cost a tenth of the time of a manifest request.
  const response = answered instanceof Promise ? await answered : answered;
  if (outgoing.destroyed) return;
  sent.response = response;
  // The server sets its own time again when the response is finished.
  incoming.socket.setTimeout(options.readerMs ?? READER_MS);
  const left = sendHead(response, incoming, outgoing);
  if (left !== undefined) await sendRest(left, incoming, outgoing, options);
}

function exchangeOf(incoming: IncomingMessage, outgoing: ServerResponse, response: HttpResponse): Exchange {
  const method = incoming.method ?? '';
  const { route = 'other', status, body } = response;
  const bytes = body === undefined || method === 'HEAD' || !outgoing.writableFinished ? 0 : bodySize(body);
  return { route, method: isReading(method) ? method : 'other', status, bytes };
}

function answer(request: HttpRequest, options: ExchangeOptions): HttpResponse | Promise<HttpResponse> {
  const fail = (error: unknown): HttpResponse => {
    options.emit({ type: 'warning', message: `Cannot answer ${request.method} "${request.path}": ${messageOf(error)}` });
    return textResponse(500, 'Internal error');
  };
  try {
    const response = options.handle(request);
    return response instanceof Promise ? response.catch(fail) : response;
  } catch (error) {
    return fail(error);
  }
}

/** Sends the headers, and a body that is in memory with them. Gives the body that is still to be sent. */
function sendHead({ status, headers, body }: HttpResponse, incoming: IncomingMessage, outgoing: ServerResponse): StreamBody | undefined {
  const size = body === undefined ? 0 : bodySize(body);
  const bodiless = status === 204 || status === 304;
  outgoing.writeHead(status, bodiless ? { ...headers } : { ...headers, 'content-length': size });
  if (bodiless || body === undefined || size === 0 || incoming.method === 'HEAD') outgoing.end();
  else if (typeof body === 'string') outgoing.end(body);
  // As characters, a small body and the headers are one string and one write.
  else if (body instanceof Buffer && size <= SMALL_BODY) outgoing.end(body.toString('latin1'), 'latin1');
  else if (body instanceof Uint8Array) outgoing.end(body);
  else return body;
  return undefined;
}

async function sendRest(body: StreamBody, incoming: IncomingMessage, outgoing: ServerResponse, options: ExchangeOptions): Promise<void> {
  try {
    await sendBody(body, outgoing);
  } catch (error) {
    if (outgoing.destroyed && isClientGone(error)) return;
    outgoing.destroy();
    options.emit({ type: 'warning', message: `Cannot finish ${incoming.method} "${incoming.url}": ${messageOf(error)}` });
  }
}

function isClientGone(error: unknown): boolean {
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_UNABLE_TO_PIPE'].includes(
    errnoOf(error) ?? '',
  );
}

const NO_QUERY = new URLSearchParams();

/** A request whose parsed query and headers are made when a handler first reads them. */
class ListenerRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly #incoming: IncomingMessage;
  readonly #query: string;

  constructor(incoming: IncomingMessage) {
    const { path, query } = splitTarget(incoming.url ?? '/');
    this.method = incoming.method ?? 'GET';
    this.path = path;
    this.#query = query;
    this.#incoming = incoming;
  }

  get query(): URLSearchParams {
    return this.#query === '' ? NO_QUERY : new URLSearchParams(this.#query);
  }

  get secure(): boolean {
    return 'encrypted' in this.#incoming.socket;
  }

  get clientOrganizations(): readonly string[] {
    const { socket } = this.#incoming;
    return socket instanceof TLSSocket ? organizationsOf(socket) : [];
  }

  header(name: string): string | undefined {
    const value = this.#incoming.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}

/**
 * Reads and drops a request body, so that the connection stays usable; closes the connection when the body is larger
 * than DRAIN_LIMIT.
 */
function drain(incoming: IncomingMessage): void {
  if (incoming.headers['content-length'] === undefined && incoming.headers['transfer-encoding'] === undefined) return;
  let received = 0;
  incoming.on('data', (chunk: Uint8Array) => {
    received += chunk.byteLength;
    if (received > DRAIN_LIMIT) incoming.destroy();
  });
}

/** Counts running responses, and says when there are none left. */
class RunningCount {
  #count = 0;
  #idle: (() => void) | undefined;

  get draining(): boolean {
    return this.#idle !== undefined;
  }

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#idle?.();
  }

  async drain(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      if (this.#count === 0) resolve();
    });
  }
}

async function withTimeLimit(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
