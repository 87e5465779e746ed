import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';

/** PEM texts that a program reads: what it shows, and whom it trusts. */
export interface TlsFiles {
  readonly certificate?: string;
  readonly key?: string;
  /** For a server: it asks its clients for a certificate of these authorities. */
  readonly authority?: string;
}

/** False for files that no program can start with: a certificate whose key is not beside it yet. */
export function canLoad({ certificate, key }: TlsFiles): boolean {
  if (certificate === undefined || key === undefined) return true;
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

/** A client sends a byte to a server over TLS and gets it back. Resolves to undefined, or to the reason why not. */
export async function exchange(server: TlsFiles, client: TlsFiles, name: string): Promise<string | undefined> {
  const listener = createServer(
    {
      cert: server.certificate,
      key: server.key,
      ...(server.authority === undefined ? {} : { ca: server.authority, requestCert: true, rejectUnauthorized: true }),
    },
    (socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    },
  );
  listener.on('tlsClientError', () => {});
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo; // It listens on a port, so its address is no path.
  try {
    return await new Promise<string | undefined>((resolve) => {
      const socket = connect({
        host: '127.0.0.1',
        port,
        servername: name,
        ca: client.authority,
        cert: client.certificate,
        key: client.key,
      });
      socket.on('secureConnect', () => socket.write('x'));
      socket.on('data', () => {
        socket.destroy();
        resolve(undefined);
      });
      socket.on('error', ({ message }) => resolve(message));
      socket.on('close', () => resolve('the connection was closed'));
    });
  } finally {
    listener.close();
  }
}
