import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';

/** A jump host, as `ssh.jump` and ProxyJump write it. */
export interface JumpAddress {
  readonly user?: string;
  readonly host: string;
  readonly port?: number;
}

/** Parses `host`, `user@host:port`, `[2001:db8::1]:22` or `ssh://user@host:port`. Returns undefined for other texts. */
export function parseJump(text: string): JumpAddress | undefined {
  const match = /^(?:ssh:\/\/)?(?:([^@\s]+)@)?(?:\[([0-9a-fA-F:.]+)\]|([^@:[\]\s/]+))(?::(\d{1,5}))?\/?$/.exec(text);
  if (match === null) return undefined;
  const [, user, bracketed, plain, port] = match;
  return {
    host: bracketed ?? plain ?? '',
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

/** A share in the connection to a jump host. The connection ends when its last share is released. */
export interface JumpLease {
  readonly client: Client;
  release(): void;
}

interface SharedJump {
  readonly client: Promise<Client>;
  users: number;
}

/**
 * Connections to jump hosts. All hosts behind a jump host share one connection, because sshd refuses many logins at the
 * same time (MaxStartups).
 */
export class JumpHosts {
  readonly #open = new Map<string, SharedJump>();

  /** Returns a share in the connection of that name. Calls `connect` when there is none. Throws what `connect` throws. */
  async lease(name: string, connect: () => Promise<Client>): Promise<JumpLease> {
    const shared = this.#open.get(name) ?? this.#begin(name, connect);
    shared.users += 1;
    const client = await shared.client;
    let held = true;
    return {
      client,
      release: () => {
        if (!held) return;
        held = false;
        shared.users -= 1;
        if (shared.users > 0) return;
        this.#forget(name, shared);
        client.end();
      },
    };
  }

  #begin(name: string, connect: () => Promise<Client>): SharedJump {
    const shared: SharedJump = { client: connect(), users: 0 };
    this.#open.set(name, shared);
    const forget = (): void => this.#forget(name, shared);
    const watch = (client: Client): void => {
      // Every host behind the jump host adds a listener.
      client.setMaxListeners(0);
      client.once('close', forget);
    };
    shared.client.then(watch, forget);
    return shared;
  }

  #forget(name: string, shared: SharedJump): void {
    if (this.#open.get(name) === shared) this.#open.delete(name);
  }
}

/**
 * Opens a connection from a jump host to the next host. After `timeoutMs` it rejects with the same error as a
 * connection without an answer.
 */
export async function forwardTo(client: Client, address: string, port: number, timeoutMs: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('Timed out while waiting for the jump host')), timeoutMs);
    const onLost = (): void => {
      clearTimeout(timer);
      reject(new Error('the jump host closed the connection'));
    };
    client.once('close', onLost);
    client.forwardOut('127.0.0.1', 0, address, port, (error, channel) => {
      clearTimeout(timer);
      client.off('close', onLost);
      if (error === undefined) resolve(channel);
      else reject(error);
    });
  });
}
