import { connect } from 'node:net';
import { errnoOf, messageOf } from '../../core/index.ts';
import { HEALTHY, type HealthCheck, type HealthResult } from '../check.ts';

/** Connects and hangs up at once. Anything but a connection within the timeout is dead. */
export async function probeTcp(check: HealthCheck & { readonly model: 'tcp' }, signal: AbortSignal): Promise<HealthResult> {
  signal.throwIfAborted();
  const place = `${check.host.includes(':') ? `[${check.host}]` : check.host}:${check.port}`;
  const socket = connect({ host: check.host, port: check.port, signal });
  return new Promise<HealthResult>((resolve, reject) => {
    const timer = setTimeout(() => {
      resolve({ status: 'dead', reason: `no connection to ${place} within ${check.timeoutMs / 1000} s` });
      socket.destroy();
    }, check.timeoutMs);
    socket.on('connect', () => {
      resolve(HEALTHY);
      socket.destroy();
    });
    socket.on('error', (error) => {
      if (signal.aborted) reject(error);
      else resolve({ status: 'dead', reason: `${place}: ${errnoOf(error) ?? messageOf(error)}` });
    });
    socket.on('close', () => clearTimeout(timer));
  });
}
