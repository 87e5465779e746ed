import { startListener, type Listener, type TlsMaterial } from '../server/index.ts';
import { openDepot, type DepotOptions, type ServedBundle } from './open-depot.ts';

/** Each connection may hold 64 KiB to 2 MiB of a bundle in memory: with this number of them, about 200 MiB altogether. */
const MAX_CONNECTIONS = 1024;

export interface StartDepotOptions extends Omit<DepotOptions, 'connections'> {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly tls?: TlsMaterial;
}

export interface RunningDepot extends Listener {
  readonly bundles: readonly ServedBundle[];
}

/** Opens bundles and serves them. `close` stops the listener gracefully and then closes the bundle files. */
export async function startDepot(options: StartDepotOptions): Promise<RunningDepot> {
  let listener: Listener | undefined;
  const depot = await openDepot({ ...options, connections: () => listener?.connections() ?? 0 });
  try {
    listener = await startListener({ maxConnections: MAX_CONNECTIONS, ...options, handle: depot.handle, onExchange: depot.record });
  } catch (error) {
    await depot.close();
    throw error;
  }
  const running = listener;
  return {
    ...running,
    bundles: depot.bundles,
    async close(graceMs) {
      await running.close(graceMs);
      await depot.close();
    },
  };
}
