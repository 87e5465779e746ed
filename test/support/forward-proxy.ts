import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface ForwardProxyOptions {
  /** Port of 127.0.0.1 for each host:port. All other hosts do not exist. */
  readonly hosts: Readonly<Record<string, number>>;
  /** Required value of Proxy-Authorization. */
  readonly authorization?: string;
  /** Answers every CONNECT with this status. */
  readonly refuses?: number;
}

export interface ForwardProxy {
  readonly port: number;
  /** "CONNECT host:port" and "GET http://host/path", in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

/**
 * A forward proxy as companies run them: absolute URLs for http, CONNECT for other protocols, to port 443 and ports
 * above 1023 only.
 */
export async function startForwardProxy(options: ForwardProxyOptions): Promise<ForwardProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const isAllowed = (request: IncomingMessage): boolean =>
    options.authorization === undefined || request.headers['proxy-authorization'] === options.authorization;

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(`${request.method} ${request.url}`);
    const url = URL.canParse(request.url ?? '') ? new URL(request.url ?? '') : undefined;
    const port = url === undefined ? undefined : options.hosts[`${url.hostname}:${url.port || '80'}`];
    if (!isAllowed(request)) response.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end();
    else if (url === undefined || port === undefined) response.writeHead(502).end();
    else {
      const { 'proxy-authorization': _secret, 'proxy-connection': _hop, ...headers } = request.headers;
      const forwarded = send(
        { host: '127.0.0.1', port, path: `${url.pathname}${url.search}`, method: request.method, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      forwarded.on('error', () => response.destroy());
      request.pipe(forwarded);
    }
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    sockets.add(socket);
    const port = options.hosts[request.url ?? ''];
    const refuse = (status: number): void => void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    socket.on('error', () => {});
    if (!isAllowed(request)) refuse(407);
    else if (options.refuses !== undefined) refuse(options.refuses);
    else if (request.url?.endsWith(':80') === true) refuse(403);
    else if (port === undefined) refuse(502);
    else {
      const upstream = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      sockets.add(upstream);
      upstream.on('error', () => socket.destroy());
      socket.on('close', () => upstream.destroy());
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy does not listen');
  return {
    port: address.port,
    asked,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
