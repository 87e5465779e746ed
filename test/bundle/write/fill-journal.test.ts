import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  BundleWriter,
  planBundle,
  verifyBundle,
  type BundleEntry,
  type BundlePlan,
  type PlannedFile,
  type PlannedMember,
} from '../../../src/bundle/index.ts';
import { CaissonError, digestOf, type Event } from '../../../src/core/index.ts';
import { smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';

const MIB = 2 ** 20;

let directory: string;
let output: string;
let partial: string;
let journal: string;

/** The small bundle and one blob that is written in several pieces. */
const large = Buffer.alloc(3 * MIB + 17, 'a large member ');
const base = smallBundle();
const contents = new Map([...base.contents, ['documents/large', large]]);
const files: readonly PlannedFile[] = [
  ...base.input.files,
  { path: 'documents/large', kind: 'document', size: large.byteLength, digest: digestOf(large), mode: 0o644, origin: 'x' },
];
const plan = planBundle({ ...base.input, files });
const largeMember = memberOf('documents/large');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-journal-'));
  output = join(directory, 'lab.tar');
  partial = `${output}.partial`;
  journal = `${partial}.journal`;
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function memberOf(path: string): PlannedMember {
  const member = plan.members.find((each) => each.path === path);
  if (member === undefined) throw new Error(`the plan has no ${path}`);
  return member;
}

function bytesOf(entry: Pick<BundleEntry, 'path'>): Buffer {
  return contents.get(entry.path) ?? Buffer.alloc(0);
}

/** A source that breaks after some bytes. */
function broken(bytes: Buffer): Readable {
  return Readable.from(
    (async function* () {
      yield bytes;
      await Promise.resolve();
      throw new CaissonError('FETCH_FAILED', 'Cannot fetch "x": the connection broke');
    })(),
  );
}

/** A run that fills everything but the large member, of which it gets the first bytes, and then ends. */
async function brokenRun(bytes = 2 * MIB, of: BundlePlan = plan): Promise<void> {
  const writer = await BundleWriter.create(of, output);
  for (const entry of writer.pending()) {
    if (entry.path !== largeMember.path) await writer.fill(entry, Readable.from([bytesOf(entry)]));
    else if (bytes > 0) await expect(writer.fill(entry, broken(large.subarray(0, bytes)))).rejects.toMatchObject({ code: 'FETCH_FAILED' });
  }
  await writer.abort();
}

/** What the next run has to fetch: by path, how many bytes are there already. It does so, and the bundle must be sound. */
async function nextRun(of: BundlePlan = plan): Promise<Record<string, number>> {
  const writer = await BundleWriter.create(of, output);
  const found = Object.fromEntries(writer.pending().map((entry) => [entry.path, writer.present(entry)]));
  for (const entry of writer.pending()) {
    const present = writer.present(entry);
    try {
      if (present === 0 || present < entry.size) {
        if ((await writer.fill(entry, Readable.from([bytesOf(entry).subarray(present)]), present)) === 'proven') continue;
      }
      await writer.prove(entry);
    } catch (error) {
      expect(error).toMatchObject({ code: 'DIGEST_MISMATCH' });
      expect(writer.present(entry)).toBe(0);
      found[entry.path] = -1;
      await writer.fill(entry, Readable.from([bytesOf(entry)]));
    }
  }
  await writer.finish();
  expect((await verifyBundle(output)).findings).toEqual([]);
  expect(readdirSync(directory)).toEqual(['lab.tar']);
  return found;
}

const nothing = Object.fromEntries(plan.members.filter(({ content }) => content === undefined).map(({ path }) => [path, 0]));

function rewriteJournal(change: (text: string) => string): void {
  writeFileSync(journal, change(readFileSync(journal, 'utf8')));
}

/** As if the journal had been written before the machine was started. Lines are bound to their first line: sign anew. */
function otherBoot(): void {
  rewriteJournal((text) => {
    const [head = '', ...lines] = text.trimEnd().split('\n');
    const former = head.replace(/[^ ]+$/, '00000000-0000-0000-0000-000000000000');
    const signed = lines.map((line) => {
      const body = line.split(' ').slice(0, 2).join(' ');
      return `${body} ${createHash('sha256').update(`${former}\n${body}`).digest('hex').slice(0, 8)}`;
    });
    return `${[former, ...signed].join('\n')}\n`;
  });
}

function flip(position: number): void {
  const bytes = readFileSync(partial);
  bytes.writeUInt8((bytes[position] ?? 0) ^ 1, position);
  writeFileSync(partial, bytes);
}

describe('A bundle that was begun', () => {
  it('is gone on with: proven members are not asked for, a broken one from where it stopped', async () => {
    await brokenRun();
    expect(readdirSync(directory).toSorted()).toEqual(['lab.tar.partial', 'lab.tar.partial.journal']);
    expect(await nextRun()).toEqual({ 'documents/large': 2 * MIB });
  });

  it('has the bytes of one that was built at once', async () => {
    await brokenRun(MIB);
    await brokenRun(0);
    await nextRun();
    const other = join(directory, 'other.tar');
    await writeSmallBundle(other, { input: { ...base.input, files }, contents });
    expect(readFileSync(other).equals(readFileSync(output))).toBe(true);
  });

  it('keeps what came before a source broke, not only whole pieces', async () => {
    await brokenRun(12_345);
    expect(await nextRun()).toEqual({ 'documents/large': 12_345 });
  });

  it('keeps what a slow source sent, though the process is killed', async () => {
    let now = 0;
    const writer = await BundleWriter.create(plan, output, { clock: { now: () => new Date(0), monotonic: () => (now += 1000) } });
    const slow = new PassThrough();
    const filling = writer.fill(largeMember, slow).catch((error: unknown) => error);
    slow.write(large.subarray(0, 1000));
    await vi.waitFor(() => expect(readFileSync(journal, 'utf8')).toMatch(/\n\d+ 1000 [0-9a-f]{8}\n$/));
    expect(readFileSync(partial).subarray(largeMember.offset, largeMember.offset + 1000)).toEqual(large.subarray(0, 1000));
    await writer.abort();
    expect(await filling).toMatchObject({ code: 'INTERRUPTED' });
  });

  it('says how much is there', async () => {
    await brokenRun();
    const events: Event[] = [];
    await (await BundleWriter.create(plan, output, { emit: (event) => events.push(event) })).abort();
    expect(events).toContainEqual({
      type: 'note',
      message: expect.stringMatching(/^Going on with ".*lab\.tar\.partial": .* of .* are there$/),
    });
  });

  it('is started over for another plan, and for the first one again after that', async () => {
    const changed = planBundle({ ...base.input, version: '9.9.9', files });
    await brokenRun();
    await (await BundleWriter.create(changed, output)).abort();
    expect(await nextRun()).toEqual(nothing);
  });

  it('is started over when the partial file is gone, or another one has its name', async () => {
    await brokenRun();
    rmSync(partial);
    expect(await nextRun()).toEqual(nothing);
    rmSync(output);

    await brokenRun();
    copyFileSync(partial, `${partial}.copy`);
    renameSync(`${partial}.copy`, partial);
    expect(await nextRun()).toEqual(nothing);
  });

  it('is started over when the partial file was cut or has grown', async () => {
    await brokenRun();
    truncateSync(partial, plan.size - 1);
    expect(await nextRun()).toEqual(nothing);
    rmSync(output);

    await brokenRun();
    appendFileSync(partial, 'x');
    expect(await nextRun()).toEqual(nothing);
  });

  it('is read back after another boot: what the power cut took is fetched again', async () => {
    await brokenRun();
    otherBoot();
    const damaged = plan.members.find(({ path }) => path.startsWith('blobs/'));
    flip(damaged?.offset ?? 0);
    const found = await nextRun();
    expect(found).toEqual({
      ...Object.fromEntries(plan.members.filter(({ content }) => content === undefined).map(({ path, size }) => [path, size])),
      'documents/large': 2 * MIB,
      [damaged?.path ?? '']: -1,
    });
  });

  it('is fetched again where bytes changed in a member that was not complete', async () => {
    await brokenRun();
    flip(largeMember.offset + 5);
    expect(await nextRun()).toEqual({ 'documents/large': -1 });
  });

  it('stays unproven over several boots', async () => {
    await brokenRun();
    otherBoot();
    const writer = await BundleWriter.create(plan, output);
    const all = writer.pending().length;
    await writer.abort();
    const again = await BundleWriter.create(plan, output);
    expect(again.pending()).toHaveLength(all);
    expect(all).toBe(Object.keys(nothing).length);
    await again.abort();
  });
});

describe('A journal', () => {
  it.each([
    ['is empty', () => ''],
    ['is no journal', () => 'hello\nworld\n'],
    ['has only its first line, without an end', (text: string) => text.split('\n')[0] ?? ''],
    ['is of another format', (text: string) => text.replace('journal/v1', 'journal/v2')],
    ['is of another plan', (text: string) => text.replace(/sha256:./, 'sha256:x')],
    ['is of another file', (text: string) => text.replace(/ \d+:\d+:/, ' 1:1:')],
    ['is binary', () => '\0'.repeat(100_000)],
  ])('that %s counts for nothing', async (_, change) => {
    await brokenRun();
    rewriteJournal(change);
    expect(await nextRun()).toEqual(nothing);
  });

  it.each([
    ['its boot was edited', (text: string) => text.replace(/ [0-9a-f-]{36}\n/, ' 00000000-0000-0000-0000-000000000001\n')],
    ['a line claims that a member is done', (text: string) => text.replace(/\n\d+ \d+ /, '\n3 done ')],
    ['a line names a member that is not there', (text: string) => text.replace(/\n\d+ /, '\n999999 ')],
    ['a line has more bytes than the member', (text: string) => text.replace(/\n(\d+) \d+ /, '\n$1 99999999999 ')],
    ['a line has a negative number', (text: string) => text.replace(/\n(\d+) \d+ /, '\n$1 -1 ')],
    ['a line is a power cut', (text: string) => text.replace(/\n.{12}/, `\n${'\0'.repeat(12)}`)],
  ])('is believed up to the line that is not right: %s', async (_, change) => {
    await brokenRun();
    rewriteJournal(change);
    expect(await nextRun()).toEqual(nothing);
  });

  it('loses no more than a torn last line', async () => {
    await brokenRun();
    const before = readFileSync(journal, 'utf8');
    writeFileSync(journal, before.slice(0, -3));
    const found = await nextRun();
    expect(Object.keys(found).length).toBeLessThanOrEqual(2);
  });

  it('is right wherever it is cut', async () => {
    await brokenRun();
    const whole = readFileSync(journal);
    const bytes = readFileSync(partial);
    const step = Math.ceil(whole.byteLength / 40);
    for (let length = 0; length < whole.byteLength; length += step) {
      writeFileSync(partial, bytes);
      writeFileSync(journal, whole.subarray(0, length));
      await nextRun();
      renameSync(output, partial);
    }
  });

  it('is not read through a symbolic link, nor written through one', async () => {
    await brokenRun();
    const precious = join(directory, 'precious');
    renameSync(journal, precious);
    const kept = readFileSync(precious, 'utf8');
    symlinkSync(precious, journal);
    const writer = await BundleWriter.create(plan, output);
    expect(writer.pending()).toHaveLength(Object.keys(nothing).length);
    await writer.abort();
    expect(readFileSync(precious, 'utf8')).toBe(kept);
  });

  it('in whose place a directory lies stops the build with a word, before anything is written', async () => {
    mkdirSync(journal);
    await expect(BundleWriter.create(plan, output)).rejects.toMatchObject({
      code: 'BUNDLE_WRITE_FAILED',
      message: expect.stringContaining(journal),
    });
    expect(existsSync(output)).toBe(false);
  });

  it('grows by one short line for each piece', async () => {
    await brokenRun(3 * MIB);
    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
    const number = `${plan.members.indexOf(largeMember)}`;
    expect(lines.map((line) => line.split(' ')).flatMap(([member, what]) => (member === number ? [what] : []))).toEqual([
      `${MIB}`,
      `${2 * MIB}`,
      `${3 * MIB}`,
    ]);
    expect(Math.max(...lines.slice(1).map(({ length }) => length))).toBeLessThan(32);
  });
});
