import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READ_SIZE, SharedFile } from '../../src/io/index.ts';

let directory: string;
let path: string;
const bytes = Buffer.concat(Array.from({ length: 100_000 }, (_, index) => createHash('sha256').update(String(index)).digest()));

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-file-range-'));
  path = join(directory, 'file');
  writeFileSync(path, bytes);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('SharedFile', () => {
  it('serves many readers at once, each its own range', async () => {
    const file = await SharedFile.open(path);
    const ranges = Array.from({ length: 20 }, (_, index) => ({ start: index * 7001, end: bytes.length - index * 999 }));
    const parts = await Promise.all(ranges.map(({ start, end }) => buffer(file.stream(start, end))));
    expect(parts.every((part, index) => part.equals(bytes.subarray(ranges[index]?.start, ranges[index]?.end)))).toBe(true);
    await file.close();
  });

  it('reads one mebibyte at a time', async () => {
    const file = await SharedFile.open(path);
    const sizes: number[] = [];
    for await (const chunk of file.stream(0, bytes.length)) sizes.push(Buffer.from(chunk).length);
    expect(sizes).toEqual([READ_SIZE, READ_SIZE, READ_SIZE, bytes.length - 3 * READ_SIZE]);
    await file.close();
  });

  it('streams nothing for an empty range', async () => {
    const file = await SharedFile.open(path);
    expect(await buffer(file.stream(5, 5))).toHaveLength(0);
    await file.close();
  });

  it('fails a stream when the file got shorter', async () => {
    const short = join(directory, 'short');
    writeFileSync(short, bytes);
    const file = await SharedFile.open(short);
    truncateSync(short, 1000);
    await expect(buffer(file.stream(0, 2000))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    await file.close();
  });

  it('ends open streams with an error when it is closed', async () => {
    const file = await SharedFile.open(path);
    const stream = file.stream(0, bytes.length);
    const reading = buffer(stream).catch((error: unknown) => error);
    await file.close();
    expect(await reading).toMatchObject({ code: 'INPUT_UNREADABLE' });
    await file.close();
  });

  it.each([
    ['a file that is not there', 'missing'],
    ['a directory', '.'],
  ])('refuses %s', async (_, name) => {
    await expect(SharedFile.open(join(directory, name))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});

describe('FileRange.sendTo', () => {
  /** Takes what is written, slowly, and looks at it only when it says that it is done with it. */
  function slowSink(received: Buffer[], delay: () => Promise<void>): Writable {
    return new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        void delay().then(() => {
          received.push(Buffer.from(chunk));
          done();
        });
      },
    });
  }
  const soon = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

  it.each([
    ['everything', 0, bytes.length],
    ['a part that begins and ends anywhere', 12_345, 2 * READ_SIZE + 77],
    ['exactly one read', 5, 5 + READ_SIZE],
    ['exactly two reads', 0, 2 * READ_SIZE],
    ['one byte', 99, 100],
    ['nothing', 7, 7],
  ])('sends %s, and never changes a buffer before the other side is done with it', async (_, start, end) => {
    const file = await SharedFile.open(path);
    const received: Buffer[] = [];
    const sink = slowSink(received, soon);
    const range = file.stream(start, end);
    await range.sendTo(sink);
    expect(Buffer.concat(received).equals(bytes.subarray(start, end))).toBe(true);
    expect([range.destroyed, sink.destroyed, sink.listenerCount('close')]).toEqual([true, false, 0]);
    await file.close();
  });

  it('sends to many at once with two buffers each, smaller ones for more', async () => {
    const file = await SharedFile.open(path);
    const seen = new Set<ArrayBufferLike>();
    let largest = 0;
    const sizes = await Promise.all(
      Array.from({ length: 40 }, async () => {
        let size = 0;
        const sink = new Writable({
          write(chunk: Buffer, _encoding, done) {
            seen.add(chunk.buffer);
            largest = Math.max(largest, chunk.byteLength);
            size += chunk.byteLength;
            setImmediate(done);
          },
        });
        await file.stream(0, bytes.length).sendTo(sink);
        return size;
      }),
    );
    expect(new Set(sizes)).toEqual(new Set([bytes.length]));
    expect(seen.size).toBeLessThanOrEqual(80);
    expect(largest).toBeLessThanOrEqual(READ_SIZE);
    expect([...seen].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(64 * READ_SIZE);
    await file.close();
  });

  it('stops reading when the destination takes nothing', async () => {
    const file = await SharedFile.open(path);
    let writes = 0;
    const sink = new Writable({ write: () => void (writes += 1) });
    const range = file.stream(0, bytes.length);
    const sending = range.sendTo(sink).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(writes).toBe(1);
    expect(range.left).toBeGreaterThanOrEqual(bytes.length - 2 * READ_SIZE);
    sink.destroy();
    expect(await sending).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    expect(range.destroyed).toBe(true);
    await file.close();
  });

  it('fails when the destination is closed already, and when it fails', async () => {
    const file = await SharedFile.open(path);
    const closed = new PassThrough().destroy();
    await expect(file.stream(0, bytes.length).sendTo(closed)).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no room')) });
    failing.on('error', () => {});
    await expect(file.stream(0, bytes.length).sendTo(failing)).rejects.toThrow(/no room|closed/);
    await file.close();
  });

  it('fails when the file got shorter, and when it is closed', async () => {
    const short = join(directory, 'cut');
    writeFileSync(short, bytes);
    const file = await SharedFile.open(short);
    truncateSync(short, READ_SIZE + 5);
    const received: Buffer[] = [];
    await expect(file.stream(0, bytes.length).sendTo(slowSink(received, soon))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    expect(Buffer.concat(received).equals(bytes.subarray(0, READ_SIZE))).toBe(true);
    const sending = file
      .stream(0, 10)
      .sendTo(new Writable({ write: () => {} }))
      .catch((error: unknown) => error);
    await file.close();
    expect(await sending).toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it('gives a small part in one piece', async () => {
    const file = await SharedFile.open(path);
    const range = file.stream(1000, 3000);
    expect((await range.readWhole()).equals(bytes.subarray(1000, 3000))).toBe(true);
    expect(range.destroyed).toBe(true);
    await expect(file.stream(bytes.length - 1, bytes.length + 1).readWhole()).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    await file.close();
  });

  it('says at which byte the disk failed, and what to do', async () => {
    // Address 0 of a process cannot be read: a read error without a broken disk.
    const file = await SharedFile.open('/proc/self/mem');
    await expect(file.read(0, 10)).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringMatching(/"\/proc\/self\/mem" at byte 0: EIO/),
      hint: expect.stringContaining('another medium'),
    });
    await expect(file.stream(0, 10).toArray()).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    await file.close();
  });
});
