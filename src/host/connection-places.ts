/** A connection that has a place. */
export interface PlacedConnection {
  /** Closes it; it may be made again later, in another place. */
  release(): Promise<void>;
}

/**
 * Places for connections, of which there is a set number. Who finds none free waits, first come, first served, and gets
 * the place of the idle connection that was used least recently. A connection in use keeps its place.
 */
export class ConnectionPlaces {
  readonly #most: number;
  /** Those that can be closed, the one that was used least recently first. */
  readonly #idle = new Set<PlacedConnection>();
  readonly #waiting: (() => void)[] = [];
  #taken = 0;
  /** Connections that are being closed; their places are free after that. */
  #leaving = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when there is a place; whoever called gives it back with `give` or has `drop` do so. */
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

  /** Nobody uses the connection now, so that it may be closed for another. */
  idle(connection: PlacedConnection): void {
    this.#idle.add(connection);
    this.#makeRoom();
  }

  busy(connection: PlacedConnection): void {
    this.#idle.delete(connection);
  }

  /** Closes a connection and gives its place back. */
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
      // One that does not close well is gone all the same.
      this.drop(connection).catch(() => {});
    }
  }
}
