import { connect, createServer, type Socket } from 'node:net';

export interface CuttingRelay {
  /** 127.0.0.1:port */
  readonly host: string;
  /** How many connections it has cut so far. */
  readonly cuts: () => number;
  close(): Promise<void>;
}

/**
 * Passes connections on to a server and cuts them in the middle: each entry of `budgets` is what one connection may carry to
 * the server before it is cut, whichever connection gets there first.
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
        // What was carried arrives; then the line is dead in both directions.
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
