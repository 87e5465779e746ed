import { createServer } from 'node:net';
import { CaissonError, errnoOf } from '../core/index.ts';

/**
 * Takes the one install lock of this machine: an abstract Unix socket, which the kernel frees when the process dies,
 * however it dies. Throws INSTALL_LOCKED when another run holds it. Resolves to the release.
 */
export async function takeInstallLock(name = 'caisson-install'): Promise<() => Promise<void>> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(lockError(cause)));
    server.listen(`\0${name}`, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

function lockError(cause: Error): Error {
  if (errnoOf(cause) !== 'EADDRINUSE') return cause;
  return new CaissonError('INSTALL_LOCKED', 'Cannot start: another install runs on this machine', {
    cause,
    hint: 'Wait for it to end, or find it with: pgrep -af "caisson install"',
  });
}
