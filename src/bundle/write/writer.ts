import { createHash, type Hash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { CaissonError, DigestMismatchError, formatSize, hasCode, silent, systemClock, type Clock, type Emit } from '../../core/index.ts';
import { tarHeader } from '../../io/index.ts';
import { FillJournal, removeJournal, type FillProgress } from './fill-journal.ts';
import type { BundleEntry } from '../format/manifest.ts';
import type { BundlePlan, PlannedMember } from '../format/plan.ts';
import { OutputFiles } from './output-files.ts';
import { writeError } from './positioned-file.ts';
import { partialPath, UNFINISHED } from '../format/unfinished.ts';
import { outputParts } from '../volumes/volume-layout.ts';
import { lockOutput } from './write-lock.ts';

export interface WriterOptions {
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Size of one volume in bytes. With it the bundle is cut into `<output>.001`, `<output>.002` and so on. */
  readonly volumeSize?: number | undefined;
}

/** Bytes that are collected before they are written. */
const WRITE_SIZE = 1024 * 1024;
/** Milliseconds after which the bytes of a slow source are written, so that a kill loses little of them. */
const WRITE_AFTER_MS = 100;
const TASK = 'bundle.write';

/** State of a filled member: its digest is right, or it is complete and `prove` must check the digest. */
export type FillOutcome = 'proven' | 'unproven';

/**
 * Writes a planned bundle to `<output>.partial`: first headers and metadata, then the members that `fill` brings, in any
 * order and several at once, each byte once. A journal beside it records the written bytes, so that a later writer of
 * the same plan continues after any kind of end. `finish` gives the file its first header and its name; before that no
 * reader opens it as a bundle.
 */
export class BundleWriter {
  readonly plan: BundlePlan;
  readonly output: string;
  readonly #file: OutputFiles;
  readonly #journal: FillJournal;
  readonly #release: () => Promise<void>;
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #started: number;
  readonly #pending: Map<string, PlannedMember>;
  readonly #present = new Map<string, number>();
  readonly #working = new Map<string, Promise<unknown>>();
  readonly #spare: Buffer[] = [];
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #written = 0;
  #closed = false;

  private constructor(plan: BundlePlan, output: string, files: Files, progress: FillProgress, options: WriterOptions) {
    this.plan = plan;
    this.output = output;
    this.#file = files.file;
    this.#journal = files.journal;
    this.#release = files.release;
    this.#emit = options.emit ?? silent;
    this.#clock = options.clock ?? systemClock;
    this.#started = this.#clock.monotonic();
    this.#pending = new Map(
      plan.members
        .filter(({ path, content }) => content === undefined && progress.get(path)?.proven !== true)
        .map((member) => [member.path, member]),
    );
    for (const [path, { present }] of progress) {
      this.#present.set(path, present);
      this.#written += present;
    }
    this.#signal = options.signal === undefined ? this.#stop.signal : AbortSignal.any([options.signal, this.#stop.signal]);
    // Every fill listens, and how many run at once is the caller's choice.
    setMaxListeners(0, this.#signal);
  }

  /**
   * Takes the lock, continues the partial file of an earlier run with the same plan (a partial file of another plan is
   * overwritten), and writes headers and metadata. Throws BUNDLE_EXISTS, BUNDLE_LOCKED, and BUNDLE_WRITE_FAILED, also
   * when the disk has no room for the whole bundle.
   */
  static async create(plan: BundlePlan, output: string, options: WriterOptions = {}): Promise<BundleWriter> {
    options.signal?.throwIfAborted();
    const lock = await lockOutput(output).catch((error: unknown) => {
      throw writeError(output, error);
    });
    try {
      const { file, journal, progress } = await openPartial(plan, output, options.volumeSize);
      const writer = new BundleWriter(plan, output, { file, journal, release: lock.release }, progress, options);
      writer.#emit({ type: 'task.started', id: TASK, title: `Write ${basename(output)}`, total: plan.size, unit: 'bytes' });
      if (writer.#written > 0) {
        const there = `${formatSize(writer.#written)} of ${formatSize(plan.size)}`;
        writer.#emit({ type: 'note', message: `Going on with "${file.path}": ${there} are there` });
      }
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

  /** Removes the files of a writer that was killed after it gave the bundle its name and before it ended. */
  static async tidy(output: string): Promise<void> {
    if (!existsSync(`${output}.partial.journal`) && !existsSync(`${output}.lock`)) return;
    const lock = await lockOutput(output);
    try {
      if (!existsSync(partialPath(output))) await removeJournal(output);
    } finally {
      await lock.release();
    }
  }

  /** Members whose bytes are missing or not proven, in the order of the file. */
  pending(): readonly BundleEntry[] {
    return [...this.#pending.values()];
  }

  /** How many bytes of a member's start are written: where to go on. The whole size when only the proof is missing. */
  present(entry: Pick<BundleEntry, 'path'>): number {
    return this.#present.get(entry.path) ?? 0;
  }

  /**
   * Writes a member's bytes to their place: those from `startsAt` on, which is 0 or the result of `present`. A member
   * that is written from 0 on is hashed on the way; one that was continued is not proven before `prove`. Throws
   * DigestMismatchError when the bytes are not the planned ones, the error of a source that breaks, and
   * BUNDLE_WRITE_FAILED; the member is then still pending and may be filled again.
   */
  async fill(entry: Pick<BundleEntry, 'path'>, source: Readable, startsAt = 0): Promise<FillOutcome> {
    const member = this.#pending.get(entry.path);
    if (member === undefined || this.#working.has(entry.path) || this.#closed) {
      source.destroy();
      throw new Error(`"${entry.path}" cannot be filled: it is not pending, is being filled, or the writer is closed`);
    }
    if (startsAt !== 0 && startsAt !== this.present(entry)) {
      source.destroy();
      throw new Error(`"${entry.path}" cannot go on at ${startsAt}: ${this.present(entry)} bytes are there`);
    }
    return this.#work(member, this.#fill(member, source, startsAt));
  }

  /** Reads back a complete member and compares its digest. Throws DigestMismatchError; all bytes of the member then count as missing. */
  async prove(entry: Pick<BundleEntry, 'path'>): Promise<void> {
    const member = this.#pending.get(entry.path);
    if (member === undefined || this.#working.has(entry.path) || this.#closed || this.present(entry) !== member.size) {
      throw new Error(`"${entry.path}" cannot be proven: it is not whole, is being filled, or the writer is closed`);
    }
    await this.#work(member, this.#prove(member));
  }

  /**
   * Makes the file durable and gives it its name. Throws BUNDLE_INCOMPLETE naming the missing members, BUNDLE_EXISTS
   * when the name was taken meanwhile; the partial file then stays, and finish or abort may follow.
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
    await this.#file.refuseTaken();
    // The first header comes last: a file that has it has everything, also after a power cut.
    await this.#file.write(this.#firstHeader(), 0);
    await this.#file.sync();
    await this.#publish();
    this.#closed = true;
    await this.#file.close();
    await this.#journal.close();
    await removeJournal(this.output);
    await this.#release();
    const ms = this.#clock.monotonic() - this.#started;
    this.#emit({ type: 'task.finished', id: TASK, title: `Write ${basename(this.output)}`, summary: formatSize(this.plan.size), ms });
  }

  /**
   * Stops fills that still run. The partial file and its journal stay for the next run, unless nothing was filled yet. May
   * be called at any time, also twice or after finish.
   */
  async abort(): Promise<void> {
    if (this.#closed) return;
    await this.#stopFills();
    const isEmpty = [...this.#present.values()].every((present) => present === 0);
    await this.#leave(isEmpty);
  }

  /**
   * Stops fills that still run and makes the written bytes survive a power cut. The partial file and its journal stay, also
   * when nothing was filled. May be called at any time, also twice or after finish.
   */
  async suspend(): Promise<void> {
    if (this.#closed) return;
    await this.#stopFills();
    try {
      await this.#file.sync();
    } finally {
      await this.#leave(false);
    }
  }

  async #stopFills(): Promise<void> {
    this.#closed = true;
    this.#stop.abort(new CaissonError('INTERRUPTED', `Stopped writing "${this.output}"`));
    await Promise.allSettled(this.#working.values());
  }

  /** Closes the files and gives the lock up; removes them when they hold nothing that a fill brought. */
  async #leave(isEmpty: boolean): Promise<void> {
    await this.#file.close();
    await this.#journal.close();
    if (isEmpty) {
      await this.#file.remove();
      await removeJournal(this.output);
    }
    await this.#release();
  }

  /** Publishes the files; reports progress, since reading volumes back for their digests takes long. */
  async #publish(): Promise<void> {
    if (!this.#file.isCut) {
      await this.#file.publish({ signal: this.#signal });
      return;
    }
    const task = { id: 'bundle.volumes', title: `Sum the volumes of ${basename(this.output)}` };
    const started = this.#clock.monotonic();
    this.#emit({ type: 'task.started', ...task, total: this.plan.size, unit: 'bytes' });
    const onProgress = (done: number): void => this.#emit({ type: 'task.progress', id: task.id, done, total: this.plan.size });
    await this.#file.publish({ signal: this.#signal, onProgress });
    this.#emit({ type: 'task.finished', ...task, ms: this.#clock.monotonic() - started });
  }

  async #work<T>(member: PlannedMember, work: Promise<T>): Promise<T> {
    this.#working.set(member.path, work);
    try {
      return await work;
    } finally {
      this.#working.delete(member.path);
    }
  }

  async #fill(member: PlannedMember, source: Readable, startsAt: number): Promise<FillOutcome> {
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(WRITE_SIZE);
    // Node cannot store the state of a hash: a member that an earlier run began is read back once it is complete.
    const hash = startsAt === 0 ? createHash('sha256') : undefined;
    let written = startsAt;
    let buffered = 0;
    let flushedAt = this.#clock.monotonic();
    const flush = async (): Promise<void> => {
      const part = buffer.subarray(0, buffered);
      hash?.update(part);
      await this.#write(part, member.offset + written);
      written += buffered;
      buffered = 0;
      flushedAt = this.#clock.monotonic();
      await this.#setPresent(member, written);
    };
    try {
      if (startsAt === 0) await this.#startOver(member);
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
        if (buffered > 0 && this.#clock.monotonic() - flushedAt >= WRITE_AFTER_MS) await flush();
      }
      if (buffered > 0) await flush();
      if (hash === undefined && written === member.size) return 'unproven';
      await this.#judge(member, written, hash);
      return 'proven';
    } catch (error) {
      source.destroy();
      // Wrong bytes are discarded; the bytes of a source that broke are kept, to be continued.
      if (error instanceof DigestMismatchError) await this.#startOver(member);
      else if (buffered > 0 && !hasCode(error, 'BUNDLE_WRITE_FAILED')) await flush();
      this.#signal.throwIfAborted();
      throw error;
    } finally {
      this.#spare.push(buffer);
    }
  }

  async #prove(member: PlannedMember): Promise<void> {
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(WRITE_SIZE);
    const hash = createHash('sha256');
    try {
      for (let read = 0; read < member.size; read += WRITE_SIZE) {
        this.#signal.throwIfAborted();
        const part = buffer.subarray(0, Math.min(WRITE_SIZE, member.size - read));
        await this.#file.read(part, member.offset + read);
        hash.update(part);
      }
      await this.#judge(member, member.size, hash);
    } catch (error) {
      if (error instanceof DigestMismatchError) await this.#startOver(member);
      throw error;
    } finally {
      this.#spare.push(buffer);
    }
  }

  /** Notes a member as done, or throws DigestMismatchError. */
  async #judge(member: PlannedMember, size: number, hash: Hash | undefined): Promise<void> {
    const digest = hash === undefined ? 'fewer bytes than planned' : `sha256:${hash.digest('hex')}`;
    if (size !== member.size || digest !== member.digest) {
      throw new DigestMismatchError(
        describe(member),
        member,
        { digest, size },
        size < member.size ? { hint: 'The source ended early' } : {},
      );
    }
    await this.#journal.note(member.path, 'done');
    this.#present.set(member.path, member.size);
    this.#pending.delete(member.path);
  }

  async #startOver(member: PlannedMember): Promise<void> {
    if (this.present(member) === 0) return;
    this.#progress(-this.present(member));
    await this.#setPresent(member, 0);
  }

  async #setPresent(member: PlannedMember, bytes: number): Promise<void> {
    this.#present.set(member.path, bytes);
    await this.#journal.note(member.path, bytes);
  }

  #firstHeader(): Buffer {
    const [first] = this.plan.members;
    if (first === undefined) throw new Error('A plan has members');
    return tarHeader(first, new Date(this.plan.manifest.date));
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
      parts.push(member.headerOffset === 0 ? UNFINISHED : tarHeader(member, date));
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
    const item = [...this.#working.keys()].at(-1);
    this.#emit({ type: 'task.progress', id: TASK, done: this.#written, total: this.plan.size, ...(item === undefined ? {} : { item }) });
  }
}

interface Files {
  readonly file: OutputFiles;
  readonly journal: FillJournal;
  readonly release: () => Promise<void>;
}

/** Opens the partial file with the progress that an earlier run of the same plan noted; without such a run the progress is empty. */
async function openPartial(
  plan: BundlePlan,
  output: string,
  volumeSize: number | undefined,
): Promise<{ readonly file: OutputFiles; readonly journal: FillJournal; readonly progress: FillProgress }> {
  const parts = outputParts(output, plan.size, volumeSize);
  const isOurs = async (identity: string): Promise<boolean> => (await FillJournal.read(output, plan, identity)) !== undefined;
  const file = await OutputFiles.open(output, parts, isOurs);
  let found: FillProgress | undefined;
  try {
    found = await FillJournal.read(output, plan, await file.identity());
    if (found === undefined) {
      // The journal is removed first: a later process must not read it once the bytes are gone.
      await removeJournal(output);
      await file.clear();
    }
    const progress = found ?? new Map();
    return { file, progress, journal: await FillJournal.start(output, plan, await file.identity(), progress) };
  } catch (error) {
    await file.close();
    if (found === undefined) await file.remove();
    throw error;
  }
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('A member can only be filled from a stream of bytes');
}

function describe(member: PlannedMember): string {
  return `${member.path} from ${member.origin}`;
}

/** The error for a source that is longer than its member. Bytes beyond the end were neither written nor hashed. */
function tooLong(member: PlannedMember, size: number): DigestMismatchError {
  const actual = { digest: 'more bytes than planned', size };
  return new DigestMismatchError(describe(member), member, actual, { hint: 'The source sends another file than was planned' });
}
