import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CaissonError, digestOf, DigestMismatchError, silent, type Event } from '../../src/core/index.ts';
import type { BundleEntry } from '../../src/bundle/index.ts';
import { fillBundle, type OpenOrigin } from '../../src/builder/fill.ts';
import type { Origin } from '../../src/builder/plan.ts';

/** A writer in memory that checks digests as the real one does; `there` is what an earlier run left of the members. */
class MemoryWriter {
  readonly written: string[] = [];
  readonly #pending: Map<string, BundleEntry>;
  readonly #bytes: Map<string, Buffer>;

  constructor(contents: readonly string[], there: Readonly<Record<string, string>> = {}) {
    this.#pending = new Map(contents.map((content) => [`blobs/${content}`, entryOf(content)]));
    this.#bytes = new Map(Object.entries(there).map(([content, start]) => [`blobs/${content}`, Buffer.from(start)]));
  }

  present({ path }: Pick<BundleEntry, 'path'>): number {
    return this.#bytes.get(path)?.byteLength ?? 0;
  }

  pending(): readonly BundleEntry[] {
    return [...this.#pending.values()];
  }

  async fill(entry: Pick<BundleEntry, 'path'>, source: Readable, startsAt = 0): Promise<'proven' | 'unproven'> {
    let bytes = (this.#bytes.get(entry.path) ?? Buffer.alloc(0)).subarray(0, startsAt);
    for await (const chunk of source) {
      bytes = Buffer.concat([bytes, Buffer.from(chunk)]);
      this.#bytes.set(entry.path, bytes);
    }
    if (startsAt > 0) return 'unproven';
    await this.prove(entry);
    return 'proven';
  }

  prove(entry: Pick<BundleEntry, 'path'>): Promise<void> {
    const member = this.#pending.get(entry.path);
    if (member === undefined) throw new Error(`${entry.path} is not pending`);
    const bytes = this.#bytes.get(entry.path) ?? Buffer.alloc(0);
    if (digestOf(bytes) !== member.digest) {
      this.#bytes.delete(entry.path);
      throw new DigestMismatchError(member.path, member, { digest: digestOf(bytes), size: bytes.byteLength });
    }
    this.#pending.delete(entry.path);
    this.written.push(member.path);
    return Promise.resolve();
  }
}

function entryOf(content: string): BundleEntry {
  const digest = digestOf(content);
  return { path: `blobs/${content}`, kind: 'blob', size: content.length, digest, mode: 0o644, offset: 0, origin: 'example.com/web:1' };
}

function originsOf(contents: readonly string[], sources: readonly string[] = ['one']): Map<string, Origin[]> {
  return new Map(
    contents.map((content) => [
      `blobs/${content}`,
      sources.map((source) => ({
        kind: 'image',
        source,
        descriptor: { mediaType: 'a/b', digest: digestOf(content), size: content.length },
      })),
    ]),
  );
}

const serve: OpenOrigin = (_, entry, offset) => Promise.resolve(Readable.from([Buffer.from(entry.path.slice('blobs/'.length + offset))]));

function unavailable(what: string): CaissonError {
  return new CaissonError('FETCH_FAILED', `Cannot fetch "${what}": the connection was refused`);
}

describe('fillBundle', () => {
  it('brings every pending member, the largest first', async () => {
    const contents = ['a', 'ccc', 'bb'];
    const writer = new MemoryWriter(contents);
    await fillBundle(writer, originsOf(contents), { open: serve, jobs: 1, emit: silent });
    expect(writer.written).toEqual(['blobs/ccc', 'blobs/bb', 'blobs/a']);
  });

  it('runs no more downloads at once than asked', async () => {
    const contents = Array.from({ length: 12 }, (_, index) => `content ${index}`);
    let running = 0;
    let most = 0;
    const open: OpenOrigin = async (origin, entry, offset, signal) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      return serve(origin, entry, offset, signal);
    };
    await fillBundle(new MemoryWriter(contents), originsOf(contents), { open, jobs: 3, emit: silent });
    expect(most).toBe(3);
  });

  it('asks the next origin when the first does not have a member', async () => {
    const events: Event[] = [];
    const writer = new MemoryWriter(['a']);
    const open: OpenOrigin = (origin, entry, offset, signal) =>
      origin.kind === 'image' && origin.source === 'one' ? Promise.reject(unavailable('one')) : serve(origin, entry, offset, signal);
    await fillBundle(writer, originsOf(['a'], ['one', 'two']), { open, jobs: 1, emit: (event) => events.push(event) });
    expect(writer.written).toEqual(['blobs/a']);
    expect(events).toMatchObject([{ type: 'retry', reason: expect.stringContaining('"one"') }]);
  });

  it('fetches bytes that were damaged on the way once more', async () => {
    const writer = new MemoryWriter(['a']);
    let opened = 0;
    const open: OpenOrigin = (origin, entry, offset, signal) => {
      opened += 1;
      return opened === 1 ? Promise.resolve(Readable.from([Buffer.from('x')])) : serve(origin, entry, offset, signal);
    };
    await fillBundle(writer, originsOf(['a']), { open, jobs: 1, emit: silent });
    expect(opened).toBe(2);
  });

  it('gives up on an origin that always sends other bytes, as a failure of this member', async () => {
    const open: OpenOrigin = () => Promise.resolve(Readable.from([Buffer.from('x')]));
    await expect(fillBundle(new MemoryWriter(['a']), originsOf(['a']), { open, jobs: 1, emit: silent })).rejects.toMatchObject({
      code: 'BUILD_INCOMPLETE',
      message: expect.stringContaining('blobs/a'),
    });
  });

  it('asks only for what is not there, and reads back what it went on with', async () => {
    const writer = new MemoryWriter(['content'], { content: 'con' });
    const offsets: number[] = [];
    const open: OpenOrigin = (origin, entry, offset, signal) => {
      offsets.push(offset);
      return serve(origin, entry, offset, signal);
    };
    await fillBundle(writer, originsOf(['content']), { open, jobs: 1, emit: silent });
    expect(offsets).toEqual([3]);
    expect(writer.written).toEqual(['blobs/content']);
  });

  it('asks for nothing when a member is whole', async () => {
    const writer = new MemoryWriter(['content'], { content: 'content' });
    await fillBundle(writer, originsOf(['content']), { open: () => Promise.reject(unavailable('one')), jobs: 1, emit: silent });
    expect(writer.written).toEqual(['blobs/content']);
  });

  it.each(['xon', 'xontent'])('fetches a member from its first byte on when what was there (%s) is not its start', async (there) => {
    const writer = new MemoryWriter(['content'], { content: there });
    const offsets: number[] = [];
    const events: Event[] = [];
    const open: OpenOrigin = (origin, entry, offset, signal) => {
      offsets.push(offset);
      return serve(origin, entry, offset, signal);
    };
    await fillBundle(writer, originsOf(['content']), { open, jobs: 1, emit: (event) => events.push(event) });
    expect(offsets.at(-1)).toBe(0);
    expect(writer.written).toEqual(['blobs/content']);
    expect(events).toMatchObject([{ type: 'retry', reason: expect.stringContaining('want sha256:') }]);
  });

  it('goes on at the next origin where the first one broke', async () => {
    const writer = new MemoryWriter(['content']);
    const open: OpenOrigin = (origin, entry, offset, signal) => {
      if (origin.kind !== 'image' || origin.source !== 'one') return serve(origin, entry, offset, signal);
      return Promise.resolve(
        Readable.from(
          (async function* () {
            yield Buffer.from('con');
            await Promise.resolve();
            throw unavailable('one');
          })(),
        ),
      );
    };
    await fillBundle(writer, originsOf(['content'], ['one', 'two']), { open, jobs: 1, emit: silent });
    expect(writer.written).toEqual(['blobs/content']);
  });

  it('gives up on an origin whose bytes never fit, also behind a start that was there', async () => {
    let opened = 0;
    const open: OpenOrigin = () => {
      opened += 1;
      return Promise.resolve(Readable.from([Buffer.from('x')]));
    };
    const writer = new MemoryWriter(['content'], { content: 'con' });
    await expect(fillBundle(writer, originsOf(['content']), { open, jobs: 1, emit: silent })).rejects.toMatchObject({
      code: 'BUILD_INCOMPLETE',
    });
    expect(opened).toBe(3);
  });

  it('names every member that could not be had, and brings the others', async () => {
    const contents = ['a', 'b', 'c'];
    const writer = new MemoryWriter(contents);
    const open: OpenOrigin = (origin, entry, offset, signal) =>
      entry.path === 'blobs/b' ? serve(origin, entry, offset, signal) : Promise.reject(unavailable(entry.path));
    await expect(fillBundle(writer, originsOf(contents), { open, jobs: 2, emit: silent })).rejects.toThrow(/blobs\/a: .*\n.*blobs\/c: /);
    expect(writer.written).toEqual(['blobs/b']);
  });

  it('stops asking when nothing answers', async () => {
    const contents = Array.from({ length: 40 }, (_, index) => `content ${index}`);
    let opened = 0;
    const open: OpenOrigin = () => {
      opened += 1;
      return Promise.reject(unavailable('everything'));
    };
    await expect(fillBundle(new MemoryWriter(contents), originsOf(contents), { open, jobs: 2, emit: silent })).rejects.toThrow(
      /\d+ more were not tried/,
    );
    expect(opened).toBeLessThan(12);
  });

  it('takes all failures by one dead host for one fault, and brings what others have', async () => {
    const contents = Array.from({ length: 40 }, (_, index) => `content ${index}`);
    const writer = new MemoryWriter(contents);
    const dead = unavailable('https://dead.example');
    const lost = new Set(writer.pending().slice(0, 20));
    const open: OpenOrigin = (origin, entry, offset, signal) =>
      lost.has(entry) ? Promise.reject(dead) : serve(origin, entry, offset, signal);
    await expect(fillBundle(writer, originsOf(contents), { open, jobs: 1, emit: silent })).rejects.toMatchObject({
      message: `Cannot download 20 members of the bundle:\n  20 members: ${dead.message}`,
    });
    expect(writer.written).toHaveLength(20);
  });

  it('lets what the writer throws through at once', async () => {
    const writer = new MemoryWriter(['a', 'b']);
    writer.fill = () => Promise.reject(new CaissonError('BUNDLE_WRITE_FAILED', 'Cannot write "x": no space left on device'));
    await expect(fillBundle(writer, originsOf(['a', 'b']), { open: serve, jobs: 1, emit: silent })).rejects.toMatchObject({
      code: 'BUNDLE_WRITE_FAILED',
    });
  });

  it('tells a file of this machine that cannot be read from a bug', async () => {
    // Address 0 of a process cannot be read: a read error without a broken disk.
    const open: OpenOrigin = () => Promise.resolve(createReadStream('/proc/self/mem'));
    await expect(fillBundle(new MemoryWriter(['a']), originsOf(['a']), { open, jobs: 1, emit: silent })).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringMatching(/"blobs\/a" is made from: EIO/),
      hint: expect.stringContaining('run the command again'),
    });
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const open: OpenOrigin = () => {
      controller.abort(new Error('enough'));
      return Promise.reject(unavailable('one'));
    };
    const work = fillBundle(new MemoryWriter(['a', 'b']), originsOf(['a', 'b']), {
      open,
      jobs: 1,
      emit: silent,
      signal: controller.signal,
    });
    await expect(work).rejects.toThrow('enough');
  });
});
