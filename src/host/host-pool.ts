import { ConnectionPlaces } from './connection-places.ts';
import type { Host } from './host.ts';
import { PooledHost } from './pooled-host.ts';

/** Connections that are open at the same time, and hosts that are worked on, when nothing else is said. */
export const HOSTS_AT_ONCE = 32;

/**
 * Hosts of which a set number are connected at the same time, however many there are. Connections to jump hosts, which
 * many hosts share, are not counted.
 */
export class HostPool {
  readonly #places: ConnectionPlaces;

  constructor(most = HOSTS_AT_ONCE) {
    this.#places = new ConnectionPlaces(most);
  }

  /**
   * Connects to a host once there is a place. `connect` is called again whenever the host is used after its place went to
   * another. This machine needs no place. Throws what `connect` throws.
   */
  async open(connect: () => Promise<Host>): Promise<Host> {
    await this.#places.take();
    let host: Host;
    try {
      host = await connect();
    } catch (error) {
      this.#places.give();
      throw error;
    }
    if (!host.local) return new PooledHost(host, this.#places, connect);
    this.#places.give();
    return host;
  }
}
