import { ConnectionPlaces } from './connection-places.ts';
import type { Host } from './host.ts';
import { PooledHost } from './pooled-host.ts';

/** Default for the most open connections, and for the most hosts that are worked on at the same time. */
export const HOSTS_AT_ONCE = 32;

/**
 * Opens hosts with at most `most` connections at the same time, for any number of hosts. Connections to jump hosts do
 * not count, because many hosts share one.
 */
export class HostPool {
  readonly #places: ConnectionPlaces;

  constructor(most = HOSTS_AT_ONCE) {
    this.#places = new ConnectionPlaces(most);
  }

  /**
   * Connects to a host as soon as there is a place. When its connection is closed for another host, the next use of the
   * host calls `connect` again. This machine needs no place. Throws what `connect` throws.
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
