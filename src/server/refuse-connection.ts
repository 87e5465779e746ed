import type { Duplex } from 'node:stream';
import { errnoOf } from '../core/index.ts';

interface Refusal {
  /** With its reason phrase. */
  readonly status: string;
  readonly text: string;
}

/** Milliseconds that a refused client has to read its answer, before the connection is closed. */
const LINGER_MS = 2000;

const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: '431 Request Header Fields Too Large', text: 'The header of the request is too large' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: '413 Payload Too Large',
    text: 'The body of the request has chunk extensions that are too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', text: 'The request did not arrive in time' },
  ERR_SSL_HTTP_REQUEST: { status: '400 Bad Request', text: 'This port speaks TLS, and the request came as plain HTTP: use https://' },
};
const MALFORMED: Refusal = { status: '400 Bad Request', text: 'The request is not valid HTTP' };
const TLS_ON_PLAIN_PORT: Refusal = {
  status: '400 Bad Request',
  text: 'This port speaks plain HTTP, and the client began with TLS: use http://',
};

/** True when a TLS handshake failed because the client sent plain HTTP. Such a client can read a plain answer. */
export function isPlainRequest(error: unknown): boolean {
  return errnoOf(error) === 'ERR_SSL_HTTP_REQUEST';
}

/**
 * Answers a connection whose bytes are not a request (RFC 9112, 2.2; RFC 9110, 15.5.9; RFC 6585, 5), and closes it. A
 * client that began with TLS gets plain HTTP: clients of registries that try https first take this for the sign to go on
 * with http, and try a connection that is merely closed again and again.
 */
export function refuseConnection(error: unknown, socket: Duplex): void {
  // The bytes that follow are parsed, too, and fail again.
  if (socket.writableEnded) return;
  if (!socket.writable || errnoOf(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  socket.on('error', () => {});
  socket.end(messageOfRefusal(refusalOf(error)));
  // A connection that is closed with bytes unread is reset, and the answer may be lost with it.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

function refusalOf(error: unknown): Refusal {
  if (beginsWithTls(error)) return TLS_ON_PLAIN_PORT;
  return REFUSALS[errnoOf(error) ?? ''] ?? MALFORMED;
}

/** True when the bytes that could not be parsed are a handshake record of TLS (RFC 8446, 5.1). */
function beginsWithTls(error: unknown): boolean {
  if (!(error instanceof Error) || !('rawPacket' in error)) return false;
  const { rawPacket } = error;
  return rawPacket instanceof Uint8Array && rawPacket[0] === 0x16 && rawPacket[1] === 0x03;
}

function messageOfRefusal({ status, text }: Refusal): string {
  const body = `${text}\n`;
  const headers = ['content-type: text/plain; charset=utf-8', `content-length: ${Buffer.byteLength(body)}`, 'connection: close'];
  return [`HTTP/1.1 ${status}`, ...headers, '', body].join('\r\n');
}
