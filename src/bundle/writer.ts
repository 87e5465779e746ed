import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { lstat, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { CaissonError, DigestMismatchError, errnoOf, formatSize, silent, systemClock, type Clock, type Emit } from '../core/index.ts';
import { syncDirectory, tarHeader } from '../io/index.ts';
import type { BundleEntry } from './manifest.ts';
import type { BundlePlan, PlannedMember } from './plan.ts';
import { PositionedFile, writeError } from './positioned-file.ts';
import { lockOutput } from './write-lock.ts';

export interface WriterOptions {
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** How much is collected before it is written. */
const WRITE_SIZE = 1024 * 1024;
const TASK = 'bundle.write';

/**
 * Writes a planned bundle to `<output>.partial`: first everything that is known (headers, metadata), then the members
 * that `fill` brings, in any order and several at once, each byte once. The file gets its name in `finish`.
 */
export class BundleWriter {
  readonly plan: BundlePlan;
  readonly output: string;
  readonly #file: PositionedFile;
  readonly #release: () => Promise<void>;
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #started: number;
  readonly #pending: Map<string, PlannedMember>;
  readonly #filling = new Map<string, Promise<void>>();
  readonly #spare: Buffer[] = [];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #written = 0;
  #closed = false;

  private constructor(plan: BundlePlan, output: string, file: PositionedFile, release: () => Promise<void>, options: WriterOptions) {
    this.plan = plan;
    this.output = output;
    this.#file = file;
    this.#release = release;
    this.#emit = options.emit ?? silent;
    this.#clock = options.clock ?? systemClock;
    this.#started = this.#clock.monotonic();
    this.#pending = new Map(plan.members.filter(({ content }) => content === undefined).map((member) => [member.path, member]));
    this.#signal = options.signal === undefined ? this.#stop.signal : AbortSignal.any([options.signal, this.#stop.signal]);
    // Every fill listens, and how many run at once is the caller's choice.
    setMaxListeners(0, this.#signal);
  }

  /**
   * Takes the lock and writes what is known. A partial file of a run that is gone is started over. Throws BUNDLE_EXISTS,
   * BUNDLE_LOCKED, BUNDLE_WRITE_FAILED (no room is seen before anything is fetched).
   */
  static async create(plan: BundlePlan, output: string, options: WriterOptions = {}): Promise<BundleWriter> {
    options.signal?.throwIfAborted();
    const lock = await lockOutput(output).catch((error: unknown) => {
      throw writeError(output, error);
    });
    try {
      await refuseExisting(output);
      const file = await PositionedFile.create(`${output}.partial`, plan.size);
      const writer = new BundleWriter(plan, output, file, lock.release, options);
      writer.#emit({ type: 'task.started', id: TASK, title: `Write ${basename(output)}`, total: plan.size, unit: 'bytes' });
      await writer.#writeKnown().catch(async (error: unknown) => {
        await writer.abort();
        throw error;
      });
      return writer;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Members whose bytes are still missing, in the order of the file. */
  pending(): readonly BundleEntry[] {
    return [...this.#pending.values()];
  }

  /**
   * Writes a member's bytes to their place. Throws DigestMismatchError when they are not the planned ones, what the
   * source throws when it breaks, and BUNDLE_WRITE_FAILED; the member is then still pending and may be filled again.
   */
  async fill(entry: Pick<BundleEntry, 'path'>, source: Readable): Promise<void> {
    const member = this.#pending.get(entry.path);
    if (member === undefined || this.#filling.has(entry.path) || this.#closed) {
      source.destroy();
      throw new Error(`"${entry.path}" cannot be filled: it is not pending, is being filled, or the writer is closed`);
    }
    const work = this.#fill(member, source);
    this.#filling.set(member.path, work);
    try {
      await work;
      this.#pending.delete(member.path);
    } finally {
      this.#filling.delete(member.path);
    }
  }

  /**
   * Makes the file durable and gives it its name. Throws BUNDLE_INCOMPLETE naming what is missing, BUNDLE_EXISTS when
   * somebody took the name meanwhile; the partial file then stays, and finish or abort may follow.
   */
  async finish(): Promise<void> {
    if (this.#closed) throw new Error('The writer is closed');
    this.#signal.throwIfAborted();
    if (this.#pending.size > 0) {
      const names = [...this.#pending.keys()];
      const shown = names.slice(0, 20).join('\n  ');
      const more = names.length > 20 ? `\n  and ${names.length - 20} more` : '';
      throw new CaissonError('BUNDLE_INCOMPLETE', `Cannot finish "${this.output}": ${names.length} members are missing\n  ${shown}${more}`);
    }
    await this.#file.sync();
    await refuseExisting(this.output);
    await rename(this.#file.path, this.output).catch((error: unknown) => {
      throw writeError(this.output, error);
    });
    this.#closed = true;
    await this.#file.close();
    await syncDirectory(dirname(this.output));
    await this.#release();
    const ms = this.#clock.monotonic() - this.#started;
    this.#emit({ type: 'task.finished', id: TASK, title: `Write ${basename(this.output)}`, summary: formatSize(this.plan.size), ms });
  }

  /** Stops fills that still run and removes the partial file. May be called at any time, also twice or after finish. */
  async abort(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop.abort(new CaissonError('INTERRUPTED', `Stopped writing "${this.output}"`));
    await Promise.allSettled(this.#filling.values());
    await this.#file.close();
    await rm(this.#file.path, { force: true });
    await this.#release();
  }

  async #fill(member: PlannedMember, source: Readable): Promise<void> {
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(WRITE_SIZE);
    const hash = createHash('sha256');
    let written = 0;
    let buffered = 0;
    const flush = async (): Promise<void> => {
      const part = buffer.subarray(0, buffered);
      hash.update(part);
      await this.#write(part, member.offset + written);
      written += buffered;
      buffered = 0;
    };
    try {
      for await (const chunk of addAbortSignal(this.#signal, source)) {
        const bytes = asBytes(chunk);
        if (written + buffered + bytes.byteLength > member.size) throw tooLong(member, written + buffered + bytes.byteLength);
        for (let taken = 0; taken < bytes.byteLength;) {
          const part = bytes.subarray(taken, taken + WRITE_SIZE - buffered);
          buffer.set(part, buffered);
          buffered += part.byteLength;
          taken += part.byteLength;
          if (buffered === WRITE_SIZE) await flush();
        }
      }
      await flush();
      const actual = { digest: `sha256:${hash.digest('hex')}`, size: written };
      if (actual.size !== member.size || actual.digest !== member.digest) {
        throw new DigestMismatchError(
          describe(member),
          member,
          actual,
          actual.size < member.size ? { hint: 'The source ended early' } : {},
        );
      }
    } catch (error) {
      this.#progress(-written);
      this.#signal.throwIfAborted();
      throw error;
    } finally {
      this.#spare.push(buffer);
    }
  }

  /** Headers and known contents; those that lie side by side are written together. Zeros between are there already. */
  async #writeKnown(): Promise<void> {
    const date = new Date(this.plan.manifest.date);
    let parts: Buffer[] = [];
    let start = 0;
    let length = 0;
    const flush = async (): Promise<void> => {
      this.#signal.throwIfAborted();
      await this.#write(Buffer.concat(parts, length), start);
      parts = [];
      length = 0;
    };
    for (const member of this.plan.members) {
      if (length === 0) start = member.headerOffset;
      parts.push(tarHeader(member, date));
      length = member.offset - start;
      if (member.content !== undefined) {
        parts.push(Buffer.from(member.content), Buffer.alloc(member.end - member.offset - member.size));
        length = member.end - start;
      }
      if (member.content === undefined || length >= WRITE_SIZE) await flush();
    }
    if (length > 0) await flush();
  }

  async #write(bytes: Uint8Array, position: number): Promise<void> {
    await this.#file.write(bytes, position);
    this.#progress(bytes.byteLength);
  }

  #progress(bytes: number): void {
    this.#written += bytes;
    this.#emit({ type: 'task.progress', id: TASK, done: this.#written, total: this.plan.size });
  }
}

async function refuseExisting(output: string): Promise<void> {
  const stats = await lstat(output).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw writeError(output, error);
  });
  if (stats === undefined) return;
  throw new CaissonError('BUNDLE_EXISTS', `Cannot write "${output}": it exists already`, {
    hint: 'Move it away, or choose another --output',
  });
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('A member can only be filled from a stream of bytes');
}

function describe(member: PlannedMember): string {
  return `${member.path} from ${member.origin}`;
}

/** Nothing is written beyond a member's place, so the rest was neither kept nor hashed. */
function tooLong(member: PlannedMember, size: number): DigestMismatchError {
  const actual = { digest: 'more bytes than planned', size };
  return new DigestMismatchError(describe(member), member, actual, { hint: 'The source sends another file than was planned' });
}
