import { createServer } from 'node:net';
import { takeMachineLock } from '../../src/io/index.ts';

/** Below the ports that the kernel gives to outgoing connections (ip_local_port_range begins at 32768). */
const FIRST_PORT = 20_000;
const BLOCK = 64;
const BLOCKS = 190;

let block: Promise<number> | undefined;
let taken = 0;

/**
 * Returns a loopback port that is free now, for servers whose port must be known before they listen. Each process takes
 * its ports by turns from a block that no other test process has until it ends, so that no other takes it in the meantime.
 */
export async function freePort(): Promise<number> {
  block ??= takeBlock();
  const first = await block;
  for (let tried = 0; tried < BLOCK; tried += 1) {
    const port = first + (taken++ % BLOCK);
    if (await isFree(port)) return port;
  }
  throw new Error(`all ports from ${first} to ${first + BLOCK - 1} are in use`);
}

async function takeBlock(): Promise<number> {
  const begin = process.pid % BLOCKS;
  for (let tried = 0; tried < BLOCKS; tried += 1) {
    const first = FIRST_PORT + ((begin + tried) % BLOCKS) * BLOCK;
    if ((await takeMachineLock(`caisson-test-ports-${first}`)) !== undefined) return first;
  }
  throw new Error(`all ${BLOCKS} blocks of ports are taken by other test processes`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (isListening) await new Promise((resolve) => server.close(resolve));
  return isListening;
}
