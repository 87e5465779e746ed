import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  BundleWriter,
  openBundle,
  outputParts,
  parseVolumeSize,
  planBundle,
  signBundle,
  signedPlan,
  signPlan,
  verifyBundle,
} from '../../../src/bundle/index.ts';
import { writeError } from '../../../src/bundle/write/positioned-file.ts';
import { digestOf, hexOf, type Event } from '../../../src/core/index.ts';
import { makeKey, signerOf } from '../../support/signing-keys.ts';
import { smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const bundle = smallBundle();
const plan = planBundle(bundle.input);
const SIZE = 17_777;

function output(): string {
  return join(directory(), 'out', 'x.tar');
}

function names(): string[] {
  return existsSync(join(directory(), 'out')) ? readdirSync(join(directory(), 'out')).sort() : [];
}

function fillAll(writer: BundleWriter): Promise<unknown> {
  return Promise.all(
    writer.pending().map((entry) => writer.fill(entry, Readable.from([bundle.contents.get(entry.path) ?? Buffer.alloc(0)]))),
  );
}

async function build(volumeSize: number, emit: (event: Event) => void = () => {}): Promise<void> {
  mkdirSync(join(directory(), 'out'), { recursive: true });
  const writer = await BundleWriter.create(plan, output(), { volumeSize, emit });
  await fillAll(writer);
  await writer.finish();
}

function sidecarOf(volume: string): string {
  return volume.replace(/\.(\d+)$/, '-$1.sha256');
}

function joined(): Buffer {
  return Buffer.concat(
    names()
      .filter((name) => /\.\d+$/.test(name))
      .map((name) => readFileSync(join(directory(), 'out', name))),
  );
}

describe('BundleWriter with a volume size', () => {
  it('writes plain cuts of the one file, each with its digest beside it', async () => {
    const whole = join(directory(), 'whole.tar');
    await writeSmallBundle(whole, bundle);
    // Inside headers and padding, on block borders and beside them, in two equal halves, one byte too small, and none at all.
    for (const size of [2559, 4608, 4609, SIZE, plan.size / 2, plan.size - 1, plan.size, plan.size + 1]) {
      await build(size);
      const volumes = names().filter((name) => !name.endsWith('.sha256'));
      expect(volumes).toEqual(outputParts('x.tar', plan.size, size).map(({ path }) => path));
      expect(names()).toEqual([...volumes, ...volumes.map(sidecarOf)].sort());
      expect(joined().equals(readFileSync(whole))).toBe(true);
      for (const name of volumes) {
        const bytes = readFileSync(join(directory(), 'out', name));
        expect(readFileSync(join(directory(), 'out', sidecarOf(name)), 'utf8')).toBe(`${hexOf(digestOf(bytes))}  ${name}\n`);
        if (name !== volumes.at(-1)) expect(bytes).toHaveLength(size);
      }
      rmSync(join(directory(), 'out'), { recursive: true });
    }
  });

  it('says that it sums the volumes, and how far it is', async () => {
    const events: Event[] = [];
    await build(SIZE, (event) => events.push(event));
    const told = events.filter((event) => 'id' in event && event.id === 'bundle.volumes');
    expect(told[0]).toMatchObject({ type: 'task.started', total: plan.size });
    expect(told.at(-2)).toMatchObject({ type: 'task.progress', done: plan.size });
    expect(told.at(-1)).toMatchObject({ type: 'task.finished' });
  });

  it('goes on with the volumes of a run that was stopped', async () => {
    await build(SIZE);
    const good = joined();
    rmSync(join(directory(), 'out'), { recursive: true });
    mkdirSync(join(directory(), 'out'));
    const stopped = await BundleWriter.create(plan, output(), { volumeSize: SIZE });
    const [entry] = stopped.pending();
    await stopped.fill(entry ?? { path: '' }, Readable.from([bundle.contents.get(entry?.path ?? '') ?? '']));
    await stopped.abort();
    expect(names().filter((name) => name.endsWith('.partial'))).toEqual(['x.tar.001.partial', 'x.tar.002.partial', 'x.tar.003.partial']);
    const next = await BundleWriter.create(plan, output(), { volumeSize: SIZE });
    expect(next.pending()).not.toContainEqual(expect.objectContaining({ path: entry?.path }));
    await fillAll(next);
    await next.finish();
    expect(joined().equals(good)).toBe(true);
    expect(names().filter((name) => /partial|lock/.test(name))).toEqual([]);
  });

  it('finishes what was stopped while volumes got their names', async () => {
    for (const named of [['003'], ['003', '002']]) {
      await build(SIZE);
      const good = joined();
      rmSync(join(directory(), 'out'), { recursive: true });
      mkdirSync(join(directory(), 'out'));
      const killed = await BundleWriter.create(plan, output(), { volumeSize: SIZE });
      await fillAll(killed);
      await killed.abort();
      for (const number of named) renameSync(`${output()}.${number}.partial`, `${output()}.${number}`);
      // Whoever finds these does not take them for a bundle.
      await expect(openBundle(`${output()}.003`)).rejects.toMatchObject({ code: 'VOLUMES_UNFIT' });
      const next = await BundleWriter.create(plan, output(), { volumeSize: SIZE });
      expect(next.pending()).toEqual([]);
      await next.finish();
      expect(joined().equals(good)).toBe(true);
      rmSync(join(directory(), 'out'), { recursive: true });
    }
  });

  it('starts over with volumes that an earlier run cut otherwise, and removes them', async () => {
    mkdirSync(join(directory(), 'out'));
    const stopped = await BundleWriter.create(plan, output(), { volumeSize: 5000 });
    await fillAll(stopped);
    await stopped.abort();
    expect(names()).toContain('x.tar.011.partial');
    writeFileSync(join(directory(), 'out', 'other.tar.001.partial'), 'of another bundle');
    const next = await BundleWriter.create(plan, output(), { volumeSize: SIZE });
    expect(next.pending()).not.toEqual([]);
    expect(names().filter((name) => /\d\.partial$/.test(name))).toEqual([
      'other.tar.001.partial',
      'x.tar.001.partial',
      'x.tar.002.partial',
      'x.tar.003.partial',
    ]);
    await fillAll(next);
    await next.finish();
    expect((await verifyBundle(`${output()}.001`)).findings).toEqual([]);
  });

  it.each(['x.tar.001', 'x.tar.002', 'x.tar.009'])('does not touch %s when it is there already', async (name) => {
    mkdirSync(join(directory(), 'out'));
    const precious = join(directory(), 'out', name);
    writeFileSync(precious, 'precious');
    await expect(BundleWriter.create(plan, output(), { volumeSize: SIZE })).rejects.toMatchObject({
      code: 'BUNDLE_EXISTS',
      message: expect.stringContaining(name),
    });
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    expect(names()).toEqual([name]);
  });

  it('does not finish over a volume that somebody wrote meanwhile', async () => {
    mkdirSync(join(directory(), 'out'));
    const writer = await BundleWriter.create(plan, output(), { volumeSize: SIZE });
    await fillAll(writer);
    writeFileSync(`${output()}.002`, 'precious');
    await expect(writer.finish()).rejects.toMatchObject({ code: 'BUNDLE_EXISTS' });
    expect(readFileSync(`${output()}.002`, 'utf8')).toBe('precious');
    rmSync(`${output()}.002`);
    await writer.finish();
    expect((await verifyBundle(`${output()}.001`)).findings).toEqual([]);
  });

  it('leaves nothing when it is stopped before anything came', async () => {
    mkdirSync(join(directory(), 'out'));
    await (await BundleWriter.create(plan, output(), { volumeSize: SIZE })).abort();
    expect(names()).toEqual([]);
  });

  it('sees that the disk has no room for all of them, though for each', async () => {
    mkdirSync(join(directory(), 'out'));
    const { bavail, bsize } = statfsSync(directory());
    const size = Math.floor(bavail * bsize * 1.5);
    const digest = digestOf('never read');
    const files = [{ path: `blobs/sha256/${hexOf(digest)}`, kind: 'blob' as const, size, digest, mode: 0o644, origin: 'server.example' }];
    const huge = planBundle({ ...bundle.input, images: [], repositories: [], files });
    await expect(BundleWriter.create(huge, output(), { volumeSize: Math.ceil(size / 6) })).rejects.toMatchObject({
      code: 'BUNDLE_WRITE_FAILED',
      message: expect.stringContaining('it needs'),
    });
  });

  it('is what a file system without large files is told to use', () => {
    const error = writeError('x.tar', Object.assign(new Error('EFBIG: file too large'), { code: 'EFBIG' }));
    expect(error).toMatchObject({ code: 'BUNDLE_WRITE_FAILED', hint: expect.stringContaining('--volume-size fat32') });
  });

  it('writes every byte once', async () => {
    const before = written();
    const size = 40 * 2 ** 20;
    const bytes = Buffer.alloc(size, 'bytes that come from a server');
    const digest = digestOf(bytes);
    const large = planBundle({
      ...bundle.input,
      images: [],
      repositories: [],
      files: [{ path: `blobs/sha256/${hexOf(digest)}`, kind: 'blob', size, digest, mode: 0o644, origin: 'server.example' }],
    });
    mkdirSync(join(directory(), 'out'));
    const writer = await BundleWriter.create(large, output(), { volumeSize: 3 * 2 ** 20 + 11 });
    for (const entry of writer.pending()) await writer.fill(entry, Readable.from([bytes]));
    await writer.finish();
    expect((written() - before) / large.size).toBeLessThanOrEqual(1.05);
    expect(statSync(`${output()}.001`).size).toBe(3 * 2 ** 20 + 11);
  });
});

/** Bytes that this process gave to write calls so far, as the kernel counts them. */
function written(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

describe('outputParts', () => {
  it('gives as many digits as the count needs, so that names sort as numbers', () => {
    expect(outputParts('x', 2999, 3).at(-1)).toEqual({ path: 'x.1000', start: 2997, end: 2999 });
    expect(outputParts('x', 2997, 3).at(-1)?.path).toBe('x.999');
    expect(outputParts('x', 2999, 3)[0]?.path).toBe('x.0001');
    const paths = outputParts('x', 9999, 1).map(({ path }) => path);
    expect(paths.toSorted()).toEqual(paths);
  });

  it('refuses to make more than can be sorted, and says which size would do', () => {
    expect(() => outputParts('x', 20_000, 2)).toThrow('Cannot cut "x" into 10000 volumes: 9999 are the most');
    try {
      outputParts('x', 20_000, 2);
    } catch (error) {
      expect(error).toMatchObject({ code: 'SIZE_INVALID', hint: expect.stringContaining('--volume-size of 3 bytes') });
    }
    expect(outputParts('x', 20_000, 3)).toHaveLength(6667);
  });
});

describe('parseVolumeSize', () => {
  it.each([
    ['fat32', 4_294_967_295],
    ['dvd', 4_700_372_992],
    ['4GiB', 4_294_967_296],
    ['4700MB', 4_700_000_000],
    ['1', 1],
  ])('reads %s', (text, bytes) => expect(parseVolumeSize(text)).toBe(bytes));

  it.each(['', 'cd', '0', '0.5', '-1', '4 gigabytes'])('refuses "%s"', (text) => {
    expect(() => parseVolumeSize(text)).toThrow(expect.objectContaining({ code: 'SIZE_INVALID' }));
  });
});

describe('a signed bundle in volumes', () => {
  const keys = useTempDir();

  async function signed(): Promise<ReturnType<typeof planBundle>> {
    return signedPlan(plan, await signPlan(plan, [await signerOf(await makeKey(keys(), 'one'))]));
  }

  async function write(signedBundle: ReturnType<typeof planBundle>, volumeSize: number): Promise<void> {
    mkdirSync(join(directory(), 'out'));
    const writer = await BundleWriter.create(signedBundle, output(), { volumeSize });
    await fillAll(writer);
    await writer.finish();
  }

  it('is signed wherever the signature is cut', async () => {
    const bundlePlan = await signed();
    // Before the signature, in its header, in its text, in its padding, in the end blocks.
    const start = plan.size - 1024;
    for (const size of [SIZE, start, start + 100, start + 600, bundlePlan.size - 1100, bundlePlan.size - 3]) {
      await write(bundlePlan, size);
      const report = await verifyBundle(`${output()}.001`, { workers: 0 });
      expect(report).toMatchObject({ findings: [], size: bundlePlan.size, bundleDigest: plan.bundleDigest });
      expect(report.signatures).toHaveLength(1);
      const reader = await openBundle(`${output()}.001`);
      await reader.close();
      rmSync(join(directory(), 'out'), { recursive: true });
    }
  });

  it('has its volumes told apart as an unsigned one', async () => {
    const bundlePlan = await signed();
    await write(bundlePlan, SIZE);
    const second = readFileSync(`${output()}.002`);
    writeFileSync(`${output()}.002`, second.subarray(0, 9000));
    await expect(openBundle(`${output()}.001`)).rejects.toMatchObject({
      problems: [{ volume: `${output()}.002`, reason: `it has 9000 bytes, want ${SIZE}: it is cut short` }],
    });
    rmSync(`${output()}.002`);
    await expect(openBundle(`${output()}.001`)).rejects.toMatchObject({ code: 'VOLUMES_UNFIT' });
  });

  it('cannot be signed by another key in place', async () => {
    await write(await signed(), SIZE);
    const one = await signerOf(join(keys(), 'one'));
    expect(await signBundle(`${output()}.001`, [one])).toEqual([]);
    const other = await signerOf(await makeKey(keys(), 'other'));
    await expect(signBundle(`${output()}.001`, [other])).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('in volumes'),
    });
    expect((await verifyBundle(`${output()}.001`)).findings).toEqual([]);
  });
});
