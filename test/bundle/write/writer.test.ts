import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BundleWriter, openBundle, planBundle, verifyBundle, type BundleEntry } from '../../../src/bundle/index.ts';
import { DigestMismatchError, digestOf, type Event } from '../../../src/core/index.ts';
import { smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';

let directory: string;
let output: string;
const bundle = smallBundle();
const plan = planBundle(bundle.input);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-writer-'));
  output = join(directory, 'lab.tar');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function source(entry: BundleEntry, chunk = 1000): Readable {
  const bytes = bundle.contents.get(entry.path) ?? Buffer.alloc(0);
  const parts = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, index) => bytes.subarray(index * chunk, (index + 1) * chunk));
  return Readable.from(parts);
}

function first(writer: BundleWriter): BundleEntry {
  const [entry] = writer.pending();
  if (entry === undefined) throw new Error('the small bundle has members to fill');
  return entry;
}

describe('BundleWriter', () => {
  it('writes the same bytes whatever the order, the chunks and the time', async () => {
    await writeSmallBundle(output);
    const other = join(directory, 'other.tar');
    const writer = await BundleWriter.create(plan, other);
    await Promise.all(
      writer
        .pending()
        .toReversed()
        .map((entry, index) => writer.fill(entry, source(entry, 1 + index * 7))),
    );
    await writer.finish();
    expect(readFileSync(other).equals(readFileSync(output))).toBe(true);
    expect(statSync(other).size).toBe(plan.size);
  });

  it('leaves exactly the bundle: no lock, no partial file', async () => {
    await writeSmallBundle(output);
    expect(readdirSync(directory)).toEqual(['lab.tar']);
    expect((await verifyBundle(output)).findings).toEqual([]);
  });

  it('writes large members in parts of a mebibyte', async () => {
    const bytes = Buffer.alloc(3 * 2 ** 20 + 17, 'caisson');
    const digest = digestOf(bytes);
    const large = planBundle({
      ...bundle.input,
      images: [],
      repositories: [],
      files: [{ path: `blobs/${digest.replace(':', '/')}`, kind: 'blob', size: bytes.length, digest, mode: 0o644, origin: 'x' }],
    });
    const events: Event[] = [];
    const writer = await BundleWriter.create(large, output, { emit: (event) => events.push(event) });
    await writer.fill(first(writer), Readable.from([bytes.subarray(0, 2 ** 21 + 5), bytes.subarray(2 ** 21 + 5)]));
    await writer.finish();
    const done = events.flatMap((event) => (event.type === 'task.progress' ? [event.done] : []));
    expect(done.slice(-4).map((bytesDone, index, all) => bytesDone - (all[index - 1] ?? bytesDone))).toEqual([0, 2 ** 20, 2 ** 20, 17]);
    expect(events.map(({ type }) => type)).toEqual(['task.started', ...done.map(() => 'task.progress'), 'task.finished']);
    expect((await verifyBundle(output)).findings).toEqual([]);
  });

  it('has all metadata before anything is filled, but not the header that makes it a bundle', async () => {
    const writer = await BundleWriter.create(plan, output);
    const partial = readFileSync(`${output}.partial`);
    const known = plan.members.filter(({ content }) => content !== undefined);
    expect(known.every(({ offset, size, content }) => partial.subarray(offset, offset + size).equals(Buffer.from(content ?? [])))).toBe(
      true,
    );
    expect(existsSync(output)).toBe(false);
    for (const read of [openBundle, verifyBundle]) {
      await expect(read(`${output}.partial`)).rejects.toMatchObject({
        code: 'BUNDLE_INCOMPLETE',
        exitStatus: 4,
        hint: expect.stringContaining('goes on where it stopped'),
      });
    }
    await writer.abort();
  });

  it.each([
    ['too short', (bytes: Buffer) => bytes.subarray(1)],
    ['too long', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
    ['changed', (bytes: Buffer) => Buffer.concat([Buffer.from('x'), bytes.subarray(1)])],
    ['empty', () => Buffer.alloc(0)],
  ])('refuses bytes that are %s, keeps the member pending, and takes the right ones afterwards', async (_, change) => {
    const writer = await BundleWriter.create(plan, output);
    const entry = first(writer);
    const bytes = bundle.contents.get(entry.path) ?? Buffer.alloc(0);
    await expect(writer.fill(entry, Readable.from([change(bytes)]))).rejects.toThrow(DigestMismatchError);
    expect(writer.pending()).toContainEqual(expect.objectContaining({ path: entry.path }));
    await expect(writer.finish()).rejects.toMatchObject({ code: 'BUNDLE_INCOMPLETE', message: expect.stringContaining(entry.path) });
    for (const pending of writer.pending()) await writer.fill(pending, source(pending));
    await writer.finish();
    expect((await verifyBundle(output)).findings).toEqual([]);
  });

  it('passes on the error of a source that breaks, and takes the member from its start when asked to', async () => {
    const writer = await BundleWriter.create(plan, output);
    const entry = first(writer);
    const broken = new PassThrough();
    broken.write('half');
    setImmediate(() => broken.destroy(new Error('connection reset')));
    await expect(writer.fill(entry, broken)).rejects.toThrow('connection reset');
    await writer.fill(entry, source(entry));
    expect(writer.pending()).not.toContainEqual(expect.objectContaining({ path: entry.path }));
    await writer.abort();
  });

  it('goes on where a source broke with the bytes that are there, and proves the member by reading it back', async () => {
    const writer = await BundleWriter.create(plan, output);
    const entry = first(writer);
    const bytes = bundle.contents.get(entry.path) ?? Buffer.alloc(0);
    const broken = new PassThrough();
    broken.write(bytes.subarray(0, 100));
    setImmediate(() => broken.destroy(new Error('connection reset')));
    await expect(writer.fill(entry, broken)).rejects.toThrow('connection reset');
    expect(writer.present(entry)).toBe(100);
    const silent = new PassThrough();
    setImmediate(() => silent.destroy(new Error('connection refused')));
    await expect(writer.fill(entry, silent, 100)).rejects.toThrow('connection refused');
    expect(writer.present(entry)).toBe(100);
    await expect(writer.fill(entry, source(entry), 99)).rejects.toThrow('cannot go on at 99: 100 bytes are there');
    expect(await writer.fill(entry, Readable.from([bytes.subarray(100)]), 100)).toBe('unproven');
    await writer.prove(entry);
    for (const pending of writer.pending()) await writer.fill(pending, source(pending));
    await writer.finish();
    expect((await verifyBundle(output)).findings).toEqual([]);
  });

  it('stops waiting for a silent source when the run is interrupted', async () => {
    const controller = new AbortController();
    const writer = await BundleWriter.create(plan, output, { signal: controller.signal });
    const silent = new PassThrough();
    const filling = writer.fill(first(writer), silent);
    controller.abort(new Error('stop'));
    await expect(filling).rejects.toThrow('stop');
    expect(silent.destroyed).toBe(true);
    await writer.abort();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('aborts while members are being filled, and leaves nothing behind', async () => {
    const writer = await BundleWriter.create(plan, output);
    const filling = writer.fill(first(writer), new PassThrough()).catch((error: unknown) => error);
    await writer.abort();
    expect(await filling).toMatchObject({ code: 'INTERRUPTED' });
    await writer.abort();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('never overwrites a file that has the name', async () => {
    writeFileSync(output, 'precious');
    await expect(BundleWriter.create(plan, output)).rejects.toMatchObject({ code: 'BUNDLE_EXISTS', exitStatus: 3 });
    expect(readFileSync(output, 'utf8')).toBe('precious');
    expect(readdirSync(directory)).toEqual(['lab.tar']);
  });

  it('keeps its hands off a name that somebody took meanwhile', async () => {
    const writer = await BundleWriter.create(plan, output);
    for (const entry of writer.pending()) await writer.fill(entry, source(entry));
    writeFileSync(output, 'precious');
    await expect(writer.finish()).rejects.toMatchObject({ code: 'BUNDLE_EXISTS' });
    expect(readFileSync(output, 'utf8')).toBe('precious');
    rmSync(output);
    await writer.finish();
    expect((await verifyBundle(output)).findings).toEqual([]);
  });

  it('lets one process at a time write a bundle', async () => {
    const writer = await BundleWriter.create(plan, output);
    await expect(BundleWriter.create(plan, output)).rejects.toMatchObject({ code: 'BUNDLE_LOCKED', exitStatus: 7 });
    await writer.abort();
    await (await BundleWriter.create(plan, output)).abort();
  });

  it('takes over what a killed run left behind', async () => {
    const { pid } = spawnSync('true');
    writeFileSync(`${output}.lock`, `${pid} 1\n`);
    writeFileSync(`${output}.partial`, Buffer.alloc(plan.size + 100_000, 'x'));
    await writeSmallBundle(output);
    expect((await verifyBundle(output)).findings).toEqual([]);
    expect(readdirSync(directory)).toEqual(['lab.tar']);
  });

  it('is tidied up after a run that was killed when the file had its name already', async () => {
    await writeSmallBundle(output);
    const { pid } = spawnSync('true');
    writeFileSync(`${output}.lock`, `${pid} 1\n`);
    writeFileSync(`${output}.partial.journal`, 'caisson.journal/v1\n');
    await BundleWriter.tidy(output);
    expect(readdirSync(directory)).toEqual(['lab.tar']);
    await BundleWriter.tidy(output);
    expect(readdirSync(directory)).toEqual(['lab.tar']);
  });

  it('takes over a lock that its writer had no time to sign', async () => {
    writeFileSync(`${output}.lock`, '');
    await (await BundleWriter.create(plan, output)).abort();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('lets one of many win that start at once over a stale lock', async () => {
    const { pid } = spawnSync('true');
    writeFileSync(`${output}.lock`, `${pid} 1\n`);
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => BundleWriter.create(plan, output)));
    const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(winners).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'BUNDLE_LOCKED' });
    for (const winner of winners) await winner.abort();
  });

  it('takes a lock for abandoned when its number now belongs to another process', async () => {
    writeFileSync(`${output}.lock`, `${process.pid} 1\n`);
    await (await BundleWriter.create(plan, output)).abort();
  });

  it('does not follow a symbolic link in place of the partial file', async () => {
    const precious = join(directory, 'precious');
    writeFileSync(precious, 'precious');
    symlinkSync(precious, `${output}.partial`);
    await expect(BundleWriter.create(plan, output)).rejects.toMatchObject({ code: 'BUNDLE_WRITE_FAILED' });
    expect(readFileSync(precious, 'utf8')).toBe('precious');
  });

  it('refuses before writing when the disk has no room, and says how much there is', async () => {
    const digest = digestOf('x');
    const huge = planBundle({
      ...bundle.input,
      images: [],
      repositories: [],
      files: [{ path: `blobs/${digest.replace(':', '/')}`, kind: 'blob', size: 2 ** 50, digest, mode: 0o644, origin: 'x' }],
    });
    await expect(BundleWriter.create(huge, output)).rejects.toMatchObject({
      code: 'BUNDLE_WRITE_FAILED',
      exitStatus: 5,
      message: expect.stringMatching(/it needs 1024.0 TiB, free are /),
      hint: expect.stringContaining('--output'),
    });
  });

  it('says what to do when the directory is not there', async () => {
    await expect(BundleWriter.create(plan, join(directory, 'none', 'lab.tar'))).rejects.toMatchObject({
      code: 'BUNDLE_WRITE_FAILED',
      hint: expect.stringContaining('Make its directory'),
    });
    mkdirSync(join(directory, 'none'));
    await (await BundleWriter.create(plan, join(directory, 'none', 'lab.tar'))).abort();
  });

  it('fills only what is pending, once at a time', async () => {
    const writer = await BundleWriter.create(plan, output);
    const entry = first(writer);
    const running = writer.fill(entry, source(entry));
    await expect(writer.fill(entry, source(entry))).rejects.toThrow('cannot be filled');
    await running;
    await expect(writer.fill(entry, source(entry))).rejects.toThrow('cannot be filled');
    const known = plan.members[0] ?? entry;
    await expect(writer.fill(known, Readable.from([]))).rejects.toThrow('cannot be filled');
    await writer.abort();
    await expect(openBundle(output)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
