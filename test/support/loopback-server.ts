import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { afterEach } from 'vitest';

export interface LoopbackServer {
  readonly origin: string;
  readonly requests: IncomingMessage[];
  readonly server: Server;
}

/** Starts plain http servers on 127.0.0.1 that end with the test. */
export function useLoopbackServers(): (listener: RequestListener) => Promise<LoopbackServer> {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }
  });
  return async (listener) => {
    const requests: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      requests.push(request);
      listener(request, response);
    });
    servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server does not listen');
    return { origin: `http://127.0.0.1:${address.port}`, requests, server };
  };
}
