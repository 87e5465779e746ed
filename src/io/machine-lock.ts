import { connect, createServer } from 'node:net';
import { errnoOf } from '../core/index.ts';

/**
 * Takes a lock of this machine by name: an abstract Unix socket, which the kernel frees when the process ends, also
 * after kill -9. Resolves to the release, or to undefined while another process (or another holder in this one) has it.
 * A name has at most 100 bytes.
 */
export async function takeMachineLock(name: string): Promise<(() => Promise<void>) | undefined> {
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(`\0${name}`, resolve);
    });
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

/** Returns true while a process of this machine holds the lock of this name. Does not take it. */
export async function isMachineLockTaken(name: string): Promise<boolean> {
  const socket = connect(`\0${name}`);
  try {
    return await new Promise<boolean>((resolve, reject) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', (error) => (errnoOf(error) === 'ECONNREFUSED' ? resolve(false) : reject(error)));
    });
  } finally {
    socket.destroy();
  }
}
