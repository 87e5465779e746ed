import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CaissonError, digestOf, DigestMismatchError, silent, type Event } from '../../src/core/index.ts';
import type { BundleEntry } from '../../src/bundle/index.ts';
import { fillBundle, type OpenOrigin } from '../../src/builder/fill.ts';
import type { Origin } from '../../src/builder/plan.ts';

/** A writer in memory that checks digests as the real one does. */
class MemoryWriter {
  readonly written: string[] = [];
  readonly #pending: Map<string, BundleEntry>;

  constructor(contents: readonly string[]) {
    this.#pending = new Map(contents.map((content) => [`blobs/${content}`, entryOf(content)]));
  }

  pending(): readonly BundleEntry[] {
    return [...this.#pending.values()];
  }

  async fill(entry: Pick<BundleEntry, 'path'>, source: Readable): Promise<void> {
    const member = this.#pending.get(entry.path);
    if (member === undefined) throw new Error(`${entry.path} is not pending`);
    const bytes = Buffer.concat(await source.toArray());
    if (digestOf(bytes) !== member.digest)
      throw new DigestMismatchError(member.path, member, { digest: digestOf(bytes), size: bytes.byteLength });
    this.#pending.delete(entry.path);
    this.written.push(member.path);
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

const serve: OpenOrigin = (_, entry) => Promise.resolve(Readable.from([Buffer.from(entry.path.slice('blobs/'.length))]));

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
    const open: OpenOrigin = async (origin, entry, signal) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      return serve(origin, entry, signal);
    };
    await fillBundle(new MemoryWriter(contents), originsOf(contents), { open, jobs: 3, emit: silent });
    expect(most).toBe(3);
  });

  it('asks the next origin when the first does not have a member', async () => {
    const events: Event[] = [];
    const writer = new MemoryWriter(['a']);
    const open: OpenOrigin = (origin, entry, signal) =>
      origin.kind === 'image' && origin.source === 'one' ? Promise.reject(unavailable('one')) : serve(origin, entry, signal);
    await fillBundle(writer, originsOf(['a'], ['one', 'two']), { open, jobs: 1, emit: (event) => events.push(event) });
    expect(writer.written).toEqual(['blobs/a']);
    expect(events).toMatchObject([{ type: 'retry', reason: expect.stringContaining('"one"') }]);
  });

  it('fetches bytes that were damaged on the way once more', async () => {
    const writer = new MemoryWriter(['a']);
    let opened = 0;
    const open: OpenOrigin = (origin, entry, signal) => {
      opened += 1;
      return opened === 1 ? Promise.resolve(Readable.from([Buffer.from('x')])) : serve(origin, entry, signal);
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

  it('names every member that could not be had, and brings the others', async () => {
    const contents = ['a', 'b', 'c'];
    const writer = new MemoryWriter(contents);
    const open: OpenOrigin = (origin, entry, signal) =>
      entry.path === 'blobs/b' ? serve(origin, entry, signal) : Promise.reject(unavailable(entry.path));
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

  it('lets what the writer throws through at once', async () => {
    const writer = new MemoryWriter(['a', 'b']);
    writer.fill = () => Promise.reject(new CaissonError('BUNDLE_WRITE_FAILED', 'Cannot write "x": no space left on device'));
    await expect(fillBundle(writer, originsOf(['a', 'b']), { open: serve, jobs: 1, emit: silent })).rejects.toMatchObject({
      code: 'BUNDLE_WRITE_FAILED',
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
