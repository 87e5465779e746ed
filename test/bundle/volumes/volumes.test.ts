import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  openBundle,
  openBundles,
  closeBundles,
  VerifyFailedError,
  verifyBundle,
  VolumesError,
  type BundlePlan,
} from '../../../src/bundle/index.ts';
import { runProgram } from '../../../src/cli/index.ts';
import { damage } from '../../support/damage.ts';
import { small, smallBundle, writeSmallBundle, type SmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';
import { cutIntoVolumes } from '../../support/volumes.ts';

const directory = useTempDir();
/** Cuts the file in the middle of blocks, and not before the end of bundle.json. */
const SIZE = 19_003;

let plan: BundlePlan;
let whole: Buffer;
let file: string;

beforeEach(async () => {
  file = join(directory(), 'source', 'x.tar');
  mkdirSync(join(directory(), 'source'));
  plan = await writeSmallBundle(file, sample());
  whole = readFileSync(file);
});

/** Some volumes long. */
function sample(changes: Parameters<typeof smallBundle>[0] = {}): SmallBundle {
  const { files } = smallBundle().input;
  const documents = Array.from({ length: 9 }, (_, number) => small(`documents/${number}`, 'words '.repeat(1500 + number), 'document'));
  return smallBundle({ files: [...files, ...documents], ...changes });
}

/** Volumes in one directory. */
function cut(size = SIZE, sidecars = false): string[] {
  return cutIntoVolumes(file, size, { directoryOf: () => join(directory(), 'disk'), sidecars });
}

/** Volumes in two directories by turns. */
function cutTwice(size = SIZE): string[] {
  return cutIntoVolumes(file, size, { directoryOf: (number) => join(directory(), number % 2 === 1 ? 'a' : 'b') });
}

function nth(paths: readonly string[], number: number): string {
  return paths.at(number < 0 ? number : number - 1) ?? '';
}

async function problemsOf(work: Promise<unknown>): Promise<readonly string[]> {
  const error: unknown = await work.then(
    () => 'it did not fail',
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'VOLUMES_UNFIT', exitStatus: 4 });
  return error instanceof VolumesError ? error.problems.map(({ volume, reason }) => `${basename(volume)}: ${reason}`) : [];
}

/** What openBundle and verifyBundle both say. */
async function refusals(location: string | readonly string[]): Promise<readonly string[]> {
  const problems = await problemsOf(openBundle(location));
  expect(await problemsOf(verifyBundle(location))).toEqual(problems);
  return problems;
}

/** Another bundle of the same size, with another date. */
async function foreignFile(date = new Date('2020-01-01T00:00:00Z')): Promise<string> {
  const path = join(directory(), 'foreign', 'x.tar');
  mkdirSync(join(directory(), 'foreign'), { recursive: true });
  await writeSmallBundle(path, sample({ date }));
  expect(readFileSync(path)).toHaveLength(whole.length);
  return path;
}

describe('volumes', () => {
  it('are the same bundle wherever it is cut', async () => {
    // Inside the first header, inside bundle.json, on block borders, one byte beside them, inside padding, at the exact half.
    for (const size of [3000, 8192, 8193, 20_011, whole.length / 2, whole.length - 1, whole.length, whole.length + 1]) {
      const paths = cut(size);
      expect(paths).toHaveLength(Math.ceil(whole.length / size));
      const reader = await openBundle(nth(paths, 1));
      expect(reader).toMatchObject({ bundleDigest: plan.bundleDigest, size: whole.length, path: paths[0], paths });
      for (const member of plan.members) {
        expect(await buffer(reader.open(member.path))).toEqual(whole.subarray(member.offset, member.offset + member.size));
      }
      await reader.close();
      const workers = size > 20_000 ? 2 : 0;
      expect(await verifyBundle(nth(paths, 1), { workers })).toMatchObject({ findings: [], paths, bundleDigest: plan.bundleDigest });
      rmSync(join(directory(), 'disk'), { recursive: true });
    }
  });

  it('are found beside any one of them', async () => {
    const paths = cut();
    for (const path of paths) {
      const reader = await openBundle(path);
      expect(reader.paths).toEqual(paths);
      await reader.close();
    }
  });

  it('are found in several directories when one of each is named', async () => {
    const paths = cutTwice();
    const reader = await openBundle([nth(paths, 2), nth(paths, 1)]);
    expect(reader.paths).toEqual(paths);
    await reader.close();
  });

  it('may be named all, also one of them twice and by a link', async () => {
    const paths = cutTwice();
    const link = join(directory(), 'x.tar.002');
    symlinkSync(nth(paths, 2), link);
    const reader = await openBundle([...paths.toReversed(), nth(paths, 3), link]);
    expect(reader.paths).toEqual(paths);
    await reader.close();
  });

  it('that are named win over others of the same name beside them', async () => {
    const paths = cut();
    mkdirSync(join(directory(), 'old'));
    writeFileSync(join(directory(), 'old', basename(nth(paths, 1))), 'an older one');
    copyFileSync(nth(paths, 2), join(directory(), 'old', basename(nth(paths, 2))));
    const named = [nth(paths, 1), join(directory(), 'old', basename(nth(paths, 2)))];
    const reader = await openBundle(named);
    expect(reader.paths).toEqual([...named, ...paths.slice(2)]);
    await reader.close();
  });

  it('are one bundle among several', async () => {
    const paths = cutTwice();
    const other = await foreignFile();
    const readers = await openBundles([nth(paths, 1), other, nth(paths, 2)]);
    expect(readers.map((reader) => reader.paths)).toEqual([paths, [other]]);
    await closeBundles(readers);
  });

  it('have four digits when they are more than 999', async () => {
    const paths = cut(Math.floor(whole.length / 1000));
    expect(paths.length).toBeGreaterThan(999);
    expect(basename(nth(paths, 1))).toBe('x.tar.0001');
    expect((await verifyBundle(nth(paths, 1), { workers: 0 })).findings).toEqual([]);
  });

  it('are proposed to who names the whole', async () => {
    const paths = cut();
    const error = openBundle(join(directory(), 'disk', 'x.tar'));
    await expect(error).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', hint: `Its volumes are there: name "${nth(paths, 1)}"` });
  });

  it('cannot be mixed with something else into one bundle', async () => {
    const paths = cut();
    await expect(openBundle([nth(paths, 1), file])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(openBundle([])).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('a volume that is missing', () => {
  it.each([1, 2, -2])('is named by its number (%i)', async (number) => {
    const paths = cut();
    const gone = nth(paths, number);
    rmSync(gone);
    expect(await refusals(nth(paths, number === 1 ? 2 : 1))).toEqual([`${basename(gone)}: it is missing`]);
  });

  it('is named with its size when it is the last', async () => {
    const paths = cut();
    rmSync(nth(paths, -1));
    const size = whole.length - (paths.length - 1) * SIZE;
    expect(await refusals(nth(paths, 1))).toEqual([`${basename(nth(paths, -1))}: it is missing; want ${size} bytes`]);
  });

  it('is one line when there are many', async () => {
    const paths = cut(30_000);
    for (const path of paths.slice(1)) rmSync(path);
    const last = basename(nth(paths, -1));
    expect(await refusals(nth(paths, 1))).toEqual([`x.tar.002: it is missing, and so is everything up to "${last}"; want 30000 bytes`]);
    renameSync(nth(paths, 1), nth(paths, 3));
    expect(await refusals(nth(paths, 3))).toEqual(['x.tar.001: it is missing, and so is everything up to "x.tar.002"']);
  });

  it('is named when bundle.json goes on in it', async () => {
    const paths = cut(1000);
    for (const path of paths.slice(3)) rmSync(path);
    expect(await refusals(nth(paths, 1))).toEqual(['x.tar.004: it is missing']);
  });

  it('is the named one when it is not there itself', async () => {
    const paths = cut();
    rmSync(nth(paths, 3));
    await expect(openBundle(nth(paths, 3))).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('x.tar.003'),
    });
    await expect(openBundle(join(directory(), 'none', 'x.tar.001'))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});

describe('a volume of another size', () => {
  it.each([1, 2, -2, -1])('is named when it is cut short (%i)', async (number) => {
    const paths = cut();
    const size = readFileSync(nth(paths, number)).length;
    truncateSync(nth(paths, number), size - 700);
    expect(await refusals(nth(paths, 2))).toEqual([
      `${basename(nth(paths, number))}: it has ${size - 700} bytes, want ${size}: it is cut short`,
    ]);
  });

  it.each([1, 2])('is named when it is cut short and one of two (%i)', async (number) => {
    const paths = cut(Math.ceil(whole.length * 0.6));
    const size = readFileSync(nth(paths, number)).length;
    truncateSync(nth(paths, number), size - 700);
    expect(await refusals(nth(paths, 1))).toEqual([
      `${basename(nth(paths, number))}: it has ${size - 700} bytes, want ${size}: it is cut short`,
    ]);
  });

  it('is named when it is the first and cut short inside bundle.json', async () => {
    const paths = cut();
    truncateSync(nth(paths, 1), 1000);
    expect(await refusals(nth(paths, 1))).toEqual([`x.tar.001: it has 1000 bytes, and most others ${SIZE}`]);
  });

  it.each([1, 2, -1])('is named when it is too long (%i)', async (number) => {
    const paths = cut();
    const size = readFileSync(nth(paths, number)).length;
    writeFileSync(nth(paths, number), 'more', { flag: 'a' });
    expect(await refusals(nth(paths, 1))).toEqual([
      `${basename(nth(paths, number))}: it has ${size + 4} bytes, want ${size}: it is too long`,
    ]);
  });

  it('is named when it is empty', async () => {
    const paths = cut();
    truncateSync(nth(paths, 2), 0);
    expect(await refusals(nth(paths, 1))).toEqual([`x.tar.002: it has 0 bytes, want ${SIZE}: it is cut short`]);
    truncateSync(nth(paths, 1), 0);
    expect((await refusals(nth(paths, 1)))[0]).toMatch(/^x\.tar\.001: it has 0 bytes/);
  });
});

describe('a volume too many', () => {
  it('is named when it lies beside the others', async () => {
    const paths = cut();
    const extra = join(directory(), 'disk', `x.tar.00${paths.length + 1}`);
    writeFileSync(extra, 'left over');
    expect(await refusals(nth(paths, 1))).toEqual([
      `${basename(extra)}: it is not part of this bundle, which ends in "${basename(nth(paths, -1))}": move it away`,
    ]);
  });

  it('is named when it is there twice, with both places', async () => {
    const paths = cutTwice();
    const other = join(directory(), 'b', 'x.tar.003');
    copyFileSync(nth(paths, 3), other);
    const both = await refusals([nth(paths, 1), nth(paths, 2)]);
    expect(both).toEqual([`x.tar.003: it is there twice: also as "${nth(paths, 3)}"; name the one that is meant`]);
    const reader = await openBundle([nth(paths, 1), nth(paths, 2), other]);
    await reader.close();
    expect(await refusals([nth(paths, 3), nth(paths, 2), other])).toHaveLength(1);
  });
});

describe('a volume in the place of another', () => {
  it('is named with the place where it belongs', async () => {
    const paths = cut();
    renameSync(nth(paths, 2), `${file}.aside`);
    renameSync(nth(paths, 3), nth(paths, 2));
    renameSync(`${file}.aside`, nth(paths, 3));
    expect(await problemsOf(openBundle(nth(paths, 1)))).toEqual([
      'x.tar.002: it holds what belongs in "x.tar.003"',
      'x.tar.003: it holds what belongs in "x.tar.002"',
    ]);
    const { findings } = await verifyBundle(nth(paths, 1));
    expect(findings).toContainEqual({ member: '(bundle)', reason: 'it holds what belongs in "x.tar.003"', volumes: ['x.tar.002'] });
    expect(findings).toContainEqual({ member: '(bundle)', reason: 'it holds what belongs in "x.tar.002"', volumes: ['x.tar.003'] });
  });

  it('is named when it is the first', async () => {
    const paths = cut();
    renameSync(nth(paths, 1), `${file}.aside`);
    renameSync(nth(paths, 2), nth(paths, 1));
    renameSync(`${file}.aside`, nth(paths, 2));
    expect(await refusals(nth(paths, 1))).toEqual(['x.tar.002: it holds what belongs in "x.tar.001"']);
  });

  it('is named when it comes from another build with the same name and size', async () => {
    const paths = cut();
    const foreign = readFileSync(await foreignFile());
    writeFileSync(nth(paths, 2), foreign.subarray(SIZE, 2 * SIZE));
    const reason = 'it is of another bundle, or damaged: no member in it is where bundle.json says';
    expect(await problemsOf(openBundle(nth(paths, 1)))).toEqual([`x.tar.002: ${reason}`]);
    const report = await verifyBundle(nth(paths, 1));
    expect(report.findings.length).toBeGreaterThan(0);
    for (const { volumes } of report.findings) expect(volumes).toContain('x.tar.002');
  });

  it('is named when it is the first and comes from another build', async () => {
    const paths = cut();
    const foreign = readFileSync(await foreignFile());
    writeFileSync(nth(paths, 1), foreign.subarray(0, SIZE));
    const reason = 'it is the beginning of another bundle than the one that the others are of';
    expect(await problemsOf(openBundle(nth(paths, 1)))).toEqual([`x.tar.001: ${reason}`]);
    expect((await verifyBundle(nth(paths, 1))).findings).toContainEqual({ member: '(bundle)', reason, volumes: ['x.tar.001'] });
  });
});

describe('verify of volumes', () => {
  it('names the member and the volume of a damaged byte', async () => {
    const paths = cut();
    for (const member of plan.members.slice(2)) {
      const at = member.size === 0 ? member.headerOffset : member.offset;
      const volume = nth(paths, Math.floor(at / SIZE) + 1);
      const good = readFileSync(volume);
      writeFileSync(volume, good.with(at % SIZE, (good[at % SIZE] ?? 0) ^ 1));
      const { findings } = await verifyBundle(nth(paths, 1), { workers: 0 });
      expect(new Set(findings.map((finding) => finding.member)), member.path).toEqual(new Set([member.path]));
      expect(findings.flatMap(({ volumes }) => volumes)).toContain(basename(volume));
      writeFileSync(volume, good);
    }
  });

  it.each([
    ['is narrowed down by the digests beside the volumes', true, ['x.tar.003']],
    ['has every volume that it lies in named without them', false, ['x.tar.002', 'x.tar.003', 'x.tar.004', 'x.tar.005']],
  ])('a member across volumes %s', async (_, sidecars, volumes) => {
    file = join(directory(), 'source', 'long.tar');
    const bytes = Buffer.alloc(30_000, 'long');
    const long = small('documents/long', bytes.toString(), 'document');
    plan = await writeSmallBundle(file, smallBundle({ files: [long], images: [], repositories: [] }));
    const at = plan.members.find(({ path }) => path === long.path)?.offset ?? 0;
    const paths = cut(at, sidecars).map((path) => path);
    damage(nth(paths, 3), `${nth(paths, 3)}.copy`, 100);
    renameSync(`${nth(paths, 3)}.copy`, nth(paths, 3));
    const { findings } = await verifyBundle(nth(paths, 1));
    const found = findings.map((finding) => ({ member: finding.member, count: finding.volumes?.length, names: finding.volumes }));
    expect(found).toHaveLength(1);
    expect(found[0]?.member).toBe(long.path);
    if (sidecars) expect(found[0]?.names).toEqual(volumes.map((name) => name.replace('x.tar', 'long.tar')));
    else expect(found[0]?.count).toBeGreaterThan(1);
  });

  it('names the volume of the end of the bundle', async () => {
    const paths = cut();
    const last = nth(paths, -1);
    const good = readFileSync(last);
    writeFileSync(last, good.with(good.length - 1, 1));
    expect((await verifyBundle(nth(paths, 1))).findings).toEqual([
      { member: '(bundle)', reason: expect.stringContaining('zeros'), volumes: [basename(last)] },
    ]);
  });

  it('names the volume in what it prints', async () => {
    const paths = cut();
    const volume = nth(paths, -1);
    const good = readFileSync(volume);
    writeFileSync(volume, good.with(good.length - 1, 1));
    const report = await verifyBundle(nth(paths, 1));
    expect(new VerifyFailedError(report).message).toContain(`(in ${basename(volume)})`);
    const many = { ...report, findings: [{ member: 'm', reason: 'it is wrong', volumes: ['a', 'b', 'c', 'd'] }] };
    expect(new VerifyFailedError(many).message).toContain('m: it is wrong (in one of the volumes a to d)');
  });
});

describe('caisson with volumes', () => {
  async function caisson(
    ...argv: readonly string[]
  ): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const self = { path: 'caisson', argv: ['caisson'], standalone: false };
    const signal = new AbortController().signal;
    const status = await runProgram({ argv, env: {}, stdin: new PassThrough(), stdout, stderr, signal, self, version: '0.0.0' });
    stdout.end();
    stderr.end();
    return { status, stdout: await text(stdout), stderr: await text(stderr) };
  }

  it('verifies and inspects those of several directories', async () => {
    const paths = cutTwice();
    const two = [nth(paths, 1), nth(paths, 2)];
    const verified = await caisson('verify', ...two);
    expect(verified).toMatchObject({ status: 0, stdout: expect.stringContaining(`${paths[0]} (${paths.length} volumes) is whole`) });
    expect(await caisson('inspect', ...two)).toMatchObject({ status: 0, stdout: expect.stringContaining(plan.bundleDigest) });
    const other = await foreignFile();
    expect(await caisson('inspect', ...two, other)).toMatchObject({ status: 0 });
    const both = await caisson('verify', ...two, other);
    expect(both).toMatchObject({ status: 0, stdout: expect.stringContaining(`${other} is whole`) });
    expect(await caisson('inspect', ...two, other, file)).toMatchObject({ status: 2 });
  });

  it('says which one is missing, and ends with the status of a failed verification', async () => {
    const paths = cut();
    rmSync(nth(paths, 2));
    const answer = await caisson('verify', nth(paths, 1));
    expect(answer).toMatchObject({ status: 4, stderr: expect.stringContaining('x.tar.002: it is missing') });
  });
});
