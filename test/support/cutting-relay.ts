import { connect, createServer, type Socket } from 'node:net';

export interface CuttingRelay {
  /** 127.0.0.1:port */
  readonly host: string;
  /** Number of connections that were cut so far. */
  readonly cuts: () => number;
  close(): Promise<void>;
}

/**
 * Forwards connections to a server and cuts each in the middle. Each entry of `budgets` is the number of bytes that one
 * connection may send to the server, in the order in which connections use them up.
 */
export async function startCuttingRelay(target: string, budgets: readonly number[]): Promise<CuttingRelay> {
  const [hostname = '', port = ''] = target.split(':');
  const left = [...budgets];
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let carried = 0;
    client.on('data', (bytes) => {
      carried += bytes.byteLength;
      upstream.write(bytes);
      if (left[0] !== undefined && carried >= left[0]) {
        left.shift();
        cuts += 1;
        // The server gets all bytes of the budget; then both directions end.
        client.destroy();
        upstream.end();
      }
    });
    upstream.on('data', (bytes) => client.write(bytes));
    for (const [socket, other] of [[client, upstream] as const, [upstream, client] as const]) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.end();
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The relay does not listen');
  return {
    host: `127.0.0.1:${address.port}`,
    cuts: () => cuts,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
