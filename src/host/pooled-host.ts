import { Readable } from 'node:stream';
import { CaissonError, hasCode } from '../core/index.ts';
import { shortCommand } from './command-failed-error.ts';
import { interruption, wasAborted, whenAborted } from './command-guard.ts';
import type { Command, CommandResult } from './command.ts';
import type { ConnectionPlaces, PlacedConnection } from './connection-places.ts';
import type { Host, UploadOptions } from './host.ts';
import type { RunOptions } from './run-checked.ts';

/**
 * A host whose connection may be closed while it is idle, to free its place, and is opened again at the next use. An
 * error while opening it again fails the command that needed it. A connection is never closed during a command. When a
 * connection is lost, the running command fails, and the next one opens a new connection.
 */
export class PooledHost implements Host, PlacedConnection {
  readonly name: string;
  readonly address: string;
  readonly local = false;
  readonly #places: ConnectionPlaces;
  readonly #connect: () => Promise<Host>;
  /** Resolves to the connection, also while it is being opened. */
  #opening: Promise<Host> | undefined;
  #open: Host | undefined;
  #users = 0;
  #isLost = false;
  #isClosed = false;

  /** `open` must have a place already. */
  constructor(open: Host, places: ConnectionPlaces, connect: () => Promise<Host>) {
    this.name = open.name;
    this.address = open.address;
    this.#places = places;
    this.#connect = connect;
    this.#open = open;
    this.#opening = Promise.resolve(open);
    this.#leave();
  }

  async run(command: Command, options: RunOptions = {}): Promise<CommandResult> {
    return this.#use(
      () => `"${shortCommand(command.argv)}"`,
      options.signal,
      async (host) => host.run(command, options),
    );
  }

  async upload(source: Readable | Uint8Array | string, path: string, options: UploadOptions): Promise<void> {
    const what = (): string => `the upload of "${path}"`;
    if (!(source instanceof Readable)) {
      return this.#use(what, options.signal, async (host) => host.upload(source, path, options));
    }
    // The source may fail while the connection is opened.
    const ignore = (): void => {};
    source.on('error', ignore);
    try {
      await this.#use(what, options.signal, async (host) => {
        if (source.errored !== null) throw source.errored;
        return host.upload(source, path, options);
      });
    } finally {
      source.destroy();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#places.busy(this);
    await this.#opening?.catch(() => {});
    await this.#drop();
  }

  /** Closes the idle connection. ConnectionPlaces calls it to free the place. */
  async release(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#opening = undefined;
    this.#isLost = false;
    await open?.close();
  }

  async #use<T>(what: () => string, signal: AbortSignal | undefined, work: (host: Host) => Promise<T>): Promise<T> {
    if (wasAborted(signal)) throw interruption(this.name, what(), signal);
    if (this.#isClosed) throw this.#closedError(what());
    this.#users += 1;
    this.#places.busy(this);
    try {
      return await work(await this.#connected(what, signal));
    } catch (error) {
      if (hasCode(error, 'HOST_CONNECTION')) this.#isLost = true;
      throw error;
    } finally {
      this.#users -= 1;
      this.#leave();
    }
  }

  /** Returns the connection that all callers share. A caller whose signal fires stops waiting; the others go on. */
  async #connected(what: () => string, signal: AbortSignal | undefined): Promise<Host> {
    this.#opening ??= this.#openAgain();
    const opening = this.#opening;
    // When every caller was interrupted, none handles a rejection.
    opening.catch(() => {});
    if (signal === undefined || this.#open !== undefined) return opening;
    let forget = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      forget = whenAborted(signal, () => reject(interruption(this.name, what(), signal)));
    });
    try {
      return await Promise.race([opening, aborted]);
    } finally {
      forget();
    }
  }

  async #openAgain(): Promise<Host> {
    await this.#places.take();
    try {
      if (this.#isClosed || this.#users === 0) throw this.#closedError('the login');
      this.#open = await this.#connect();
      this.#isLost = false;
    } catch (error) {
      this.#opening = undefined;
      this.#places.give();
      throw error;
    }
    const open = this.#open;
    this.#leave();
    return open;
  }

  /** After the last use, offers the place to other hosts. A lost connection gives its place back at once. */
  #leave(): void {
    if (this.#users > 0 || this.#open === undefined || this.#isClosed) return;
    if (this.#isLost) this.#drop().catch(() => {});
    else this.#places.idle(this);
  }

  async #drop(): Promise<void> {
    if (this.#open !== undefined) await this.#places.drop(this);
  }

  #closedError(what: string): CaissonError {
    return new CaissonError('HOST_CONNECTION', `Cannot finish ${what} on "${this.name}": the run has ended and closed its connections`, {
      hint: 'Run the same command again: it goes on where it stopped',
    });
  }
}
