/** A connection that occupies a place. */
export interface PlacedConnection {
  /** Closes the connection. It may be opened again later, in another place. */
  release(): Promise<void>;
}

/**
 * A fixed number of places for connections. When all are taken, callers wait in order; each gets the next free place,
 * and the idle connection that was used least recently is closed for it. A connection in use keeps its place.
 */
export class ConnectionPlaces {
  readonly #most: number;
  /** Connections that can be closed, the one that was used least recently first. */
  readonly #idle = new Set<PlacedConnection>();
  readonly #waiting: (() => void)[] = [];
  #taken = 0;
  /** Number of connections that are being closed. Each place is free when its connection is closed. */
  #leaving = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when the caller has a place. The caller returns it with `give` or `drop`. */
  async take(): Promise<void> {
    if (this.#taken < this.#most) {
      this.#taken += 1;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#makeRoom();
    });
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken -= 1;
    else next();
  }

  /** Marks a connection as unused, so that it may be closed to free its place. */
  idle(connection: PlacedConnection): void {
    this.#idle.add(connection);
    this.#makeRoom();
  }

  busy(connection: PlacedConnection): void {
    this.#idle.delete(connection);
  }

  /** Closes a connection and frees its place, also when closing fails. Throws what `release` throws. */
  async drop(connection: PlacedConnection): Promise<void> {
    this.#idle.delete(connection);
    this.#leaving += 1;
    try {
      await connection.release();
    } finally {
      this.#leaving -= 1;
      this.give();
    }
  }

  #makeRoom(): void {
    for (const connection of this.#idle) {
      if (this.#waiting.length <= this.#leaving) return;
      // A connection whose closing fails is gone too.
      this.drop(connection).catch(() => {});
    }
  }
}
