import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/bundle/index.ts';
import { CaissonError, hasCode } from '../../../src/core/index.ts';
import { randomNumbers } from '../../support/random-numbers.ts';
import { FUZZ_SHAPES, type FuzzTarget } from './fuzz-shapes.ts';
import fc from '../../support/fast-check.ts';

/** Another seed gives other places: FUZZ_SEED=123 npx vitest … */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20260304);
const FLIPS = Number(process.env['FUZZ_FLIPS'] ?? 10_000);
const RUNS = Math.ceil(FLIPS / 40);

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'caisson-fuzz-'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function suspectsAt(target: FuzzTarget, offset: number): readonly string[] {
  return target.stretches.find(({ start, end }) => offset >= start && offset < end)?.suspects ?? [];
}

describe.each(FUZZ_SHAPES.map((shape, index) => ({ ...shape, index })))('$name', ({ write, index }) => {
  let target: FuzzTarget;
  let handle: number;

  beforeAll(async () => {
    target = await write(directory);
    handle = openSync(target.path, 'r+');
  });

  afterAll(() => closeSync(handle));

  /** Writes damaged bytes over the file, asks, and puts the file back. */
  async function withBytes<T>(bytes: Buffer, ask: () => Promise<T>): Promise<T> {
    ftruncateSync(handle, bytes.length);
    writeSync(handle, bytes, 0, bytes.length, 0);
    try {
      return await ask();
    } finally {
      ftruncateSync(handle, target.bytes.length);
      writeSync(handle, target.bytes, 0, target.bytes.length, 0);
    }
  }

  it('is whole before it is damaged, and every byte of it is somebody’s', async () => {
    expect(await target.verify()).toEqual([]);
    expect(target.stretches.map(({ start }) => start)).toEqual([0, ...target.stretches.slice(0, -1).map(({ end }) => end)]);
    expect(target.stretches.at(-1)?.end).toBe(target.bytes.length);
  });

  it(`is refused with any one bit flipped, by findings that all name where the bit lies (seed ${SEED})`, { timeout: 600_000 }, async () => {
    const random = randomNumbers(SEED + index);
    const wrong: string[] = [];
    const byte = Buffer.alloc(1);
    for (let round = 0; round < Math.ceil(FLIPS / FUZZ_SHAPES.length); round += 1) {
      const at = random(target.bytes.length);
      const bit = random(8);
      const good = target.bytes.readUInt8(at);
      writeSync(handle, Buffer.of(good ^ (1 << bit)), 0, 1, at);
      const findings = await target.verify();
      byte.writeUInt8(good);
      writeSync(handle, byte, 0, 1, at);
      const suspects = suspectsAt(target, at);
      if (findings.length === 0 || !findings.every(({ member }) => suspects.includes(member))) {
        wrong.push(
          `bit ${bit} of byte ${at}, in ${suspects.join()}: ${findings.map(({ member, reason }) => `${member}: ${reason}`).join('; ')}`,
        );
      }
    }
    expect(wrong).toEqual([]);
    expect(await target.verify()).toEqual([]);
  });

  /** Refused by verify with an end in sight, and opened or refused by openBundle, but never with another kind of error. */
  async function expectRefused(bytes: Buffer): Promise<void> {
    fc.pre(!bytes.equals(target.bytes));
    await withBytes(bytes, async () => {
      const findings = await target.verify().catch((error: unknown) => {
        // A file that does not begin as a bundle, and has nothing of one behind that, is called no bundle.
        if (hasCode(error, 'BUNDLE_DAMAGED')) return [error];
        throw error;
      });
      expect(findings.length).toBeGreaterThan(0);
      expect(findings.length).toBeLessThan(5 * (target.stretches.length + bytes.length / 512));
      const opened = await openBundle(target.path).catch((error: unknown) => error);
      if (opened instanceof Error) expect(opened).toBeInstanceOf(CaissonError);
      else await (opened as Awaited<ReturnType<typeof openBundle>>).close();
    });
  }

  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const parameters = { seed: SEED, numRuns: RUNS } as const;

  it.each<[string, fc.Arbitrary<(bytes: Buffer) => Buffer>]>([
    [
      'two bytes that changed places',
      fc.tuple(place, place).map(([one, two]) => (bytes) => {
        const copy = Buffer.from(bytes);
        const [first, second] = [Math.floor(one * copy.length), Math.floor(two * copy.length)];
        copy.writeUInt8(bytes.readUInt8(first), second);
        copy.writeUInt8(bytes.readUInt8(second), first);
        return copy;
      }),
    ],
    [
      'blocks that moved',
      fc.tuple(place, place, fc.integer({ min: 1, max: 12 })).map(([from, to, count]) => (bytes) => {
        const blocks = bytes.length / 512;
        const start = Math.floor(from * blocks) * 512;
        const taken = bytes.subarray(start, start + count * 512);
        const rest = Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + taken.length)]);
        const at = Math.floor(to * (rest.length / 512 + 1)) * 512;
        return Buffer.concat([rest.subarray(0, at), taken, rest.subarray(at)]);
      }),
    ],
    [
      'blocks that are there again, or are gone',
      fc.tuple(place, place, fc.integer({ min: 1, max: 12 }), fc.boolean()).map(([from, to, count, again]) => (bytes) => {
        const blocks = bytes.length / 512;
        const start = Math.floor(from * blocks) * 512;
        const taken = bytes.subarray(start, start + count * 512);
        if (!again) return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + taken.length)]);
        const at = Math.floor(to * (blocks + 1)) * 512;
        return Buffer.concat([bytes.subarray(0, at), taken, bytes.subarray(at)]);
      }),
    ],
    ['its end missing', place.map((part) => (bytes) => bytes.subarray(0, Math.floor(part * bytes.length)))],
    [
      'a stretch overwritten',
      fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 1500 })).map(([part, noise]) => (bytes) => {
        const copy = Buffer.from(bytes);
        Buffer.from(noise).copy(copy, Math.floor(part * copy.length));
        return copy;
      }),
    ],
    [
      'bytes pushed in',
      fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 1500 })).map(([part, noise]) => (bytes) => {
        const at = Math.floor(part * (bytes.length + 1));
        return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
      }),
    ],
  ])('is refused with %s', { timeout: 600_000 }, async (_, change) => {
    await fc.assert(
      fc.asyncProperty(change, async (damage) => expectRefused(damage(target.bytes))),
      parameters,
    );
  });
});

it('the flips at random places were as many as asked for', () => {
  expect(Math.ceil(FLIPS / FUZZ_SHAPES.length) * FUZZ_SHAPES.length).toBeGreaterThanOrEqual(10_000);
});
