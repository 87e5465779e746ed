import { createServer } from 'node:net';

/**
 * Returns a loopback port that is free now, for servers whose port must be known before they listen. Another process
 * may take it in the meantime.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('a listening TCP server has an address');
  return address.port;
}
