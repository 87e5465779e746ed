import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VerifyFailedError, verifyBundle, type BundlePlan } from '../../../src/bundle/index.ts';
import { planRuns } from '../../../src/bundle/verify/verify.ts';
import { runProgram } from '../../../src/cli/index.ts';
import type { Event } from '../../../src/core/index.ts';
import { generatedBytes, writeGeneratedBundle } from '../../support/generated-bundle.ts';
import { damage } from '../../support/damage.ts';
import { writeSmallBundle } from '../../support/small-bundle.ts';

const MIB = 2 ** 20;

let directory: string;
let small: string;
let large: string;
let plan: BundlePlan;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-verify-'));
  small = join(directory, 'small.tar');
  large = join(directory, 'large.tar');
  await writeSmallBundle(small);
  plan = await writeGeneratedBundle({ output: large, blobs: 3, blobSize: 11 * MIB + 77 });
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('verifyBundle', () => {
  it.each([0, 1, 2, 5])('comes to the same with %i threads', async (workers) => {
    for (const path of [small, large]) expect(await verifyBundle(path, { workers })).toMatchObject({ path, findings: [] });
  });

  it('finds what threads find', async () => {
    const copy = damage(large, join(directory, 'damaged.tar'), plan.size - 5 * MIB);
    const report = await verifyBundle(copy, { workers: 2 });
    expect(report.findings.map(({ member }) => member)).toEqual([plan.members.at(-1)?.path]);
  });

  it('covers every byte of the file exactly once', () => {
    const runs = planRuns({ members: plan.members, end: plan.size - 1024, findings: [] }, plan.size);
    let position = 0;
    for (const { start, pieces } of runs) {
      expect(start).toBe(position);
      position += pieces.reduce((sum, { length }) => sum + length, 0);
    }
    expect(position).toBe(plan.size);
    expect(runs.length).toBeGreaterThanOrEqual(3);
  });

  it('tells how far it is, in bytes', async () => {
    const events: Event[] = [];
    await verifyBundle(large, { emit: (event) => events.push(event) });
    expect(events[0]).toMatchObject({ type: 'task.started', title: 'Verify large.tar', total: plan.size, unit: 'bytes' });
    expect(events.at(-2)).toMatchObject({ type: 'task.progress', done: plan.size });
    expect(events.at(-1)).toMatchObject({ type: 'task.finished', summary: `${plan.members.length} members, 33.0 MiB, 0 faults` });
  });

  it('stops when it is interrupted', async () => {
    await expect(verifyBundle(large, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
    const controller = new AbortController();
    const verifying = verifyBundle(large, { signal: controller.signal, workers: 2 });
    setTimeout(() => controller.abort(new Error('later')), 5);
    await expect(verifying).rejects.toThrow('later');
  });

  it('says that a file is not there', async () => {
    await expect(verifyBundle(join(directory, 'none'))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});

describe('VerifyFailedError', () => {
  it('lists every fault by member', () => {
    const findings = [
      { member: 'a', reason: 'it is missing' },
      { member: 'b', reason: 'it is cut short' },
    ];
    const error = new VerifyFailedError({
      path: 'x.tar',
      paths: ['x.tar'],
      size: 1,
      name: 'x',
      version: '1',
      members: 1,
      bundleDigest: undefined,
      bases: [],
      signatures: [],
      findings,
    });
    expect(error).toMatchObject({ code: 'BUNDLE_DAMAGED', exitStatus: 4, report: { findings } });
    expect(error.message).toBe('Cannot trust "x.tar": 2 faults\n  a: it is missing\n  b: it is cut short');
  });
});

describe('the generated bundle', () => {
  it('verifies when it is sparse, too', async () => {
    const sparse = join(directory, 'sparse.tar');
    await writeGeneratedBundle({ output: sparse, blobs: 3, blobSize: 5 * MIB, sparse: true });
    expect((await verifyBundle(sparse)).findings).toEqual([]);
  });

  it('is made of the same bytes each time', async () => {
    expect(await text(generatedBytes(1, 1000))).toBe(await text(generatedBytes(1, 1000)));
    expect(await text(generatedBytes(1, 1000))).not.toBe(await text(generatedBytes(2, 1000)));
  });
});

describe('caisson verify and caisson inspect', () => {
  async function caisson(
    ...argv: readonly string[]
  ): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const status = await runProgram({
      argv,
      env: {},
      stdin: new PassThrough(),
      stdout,
      stderr,
      signal: new AbortController().signal,
      self: { path: 'caisson', argv: ['caisson'], standalone: false },
      version: '0.0.0',
    });
    stdout.end();
    stderr.end();
    return { status, stdout: await text(stdout), stderr: await text(stderr) };
  }

  it('says that a good bundle is whole, and what it is', async () => {
    const { status, stdout } = await caisson('verify', small);
    expect(status).toBe(0);
    expect(stdout).toMatch(/small\.tar is whole: lab 1\.2\.3, \d+ members, [\d.]+ KiB\nbundle sha256:[0-9a-f]{64}\n$/);
  });

  it('exits with status 4 for a damaged one, and names the member', async () => {
    const copy = damage(small, join(directory, 'bad.tar'), 40_000);
    const { status, stdout, stderr } = await caisson('verify', copy);
    expect([status, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/Cannot trust .*bad\.tar": 1 fault\n {2}\S+: its bytes have the digest/);
  });

  it('lists images, packages and files with size and origin', async () => {
    const { status, stdout } = await caisson('inspect', small);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^lab 1\.2\.3 for linux\/amd64, linux\/arm64, .*, content of 2026-03-04T05:06:07Z$/m);
    expect(stdout).toMatch(/^docker\.io\/library\/alpha:1\.0 +linux\/amd64 +\S+ \S+ +sha256:[0-9a-f]{64} +registry\.example$/m);
    expect(stdout).toMatch(/^registry\.example\/team\/gamma:v3 +linux\/arm64 /m);
    expect(stdout).toMatch(/^alpha +1\.0 +amd64 +700 B +base +debian-12 +http:\/\/mirror\.example\/debian$/m);
    expect(stdout).toMatch(/^caisson +executable +21 B +builder$/m);
  });

  it('gives the same facts as data', async () => {
    const { stdout } = await caisson('inspect', small, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'result',
      name: 'lab',
      images: [
        { name: 'docker.io/library/alpha:1.0', source: 'alpha:1.0', platforms: [{ platform: 'linux/amd64', layers: 2 }] },
        {},
        {},
        {},
      ],
      packages: [{ name: 'alpha', size: 700, sets: ['base'] }, { name: 'beta' }],
      totals: { package: { members: 2, size: 2600 } },
    });
  });
});
