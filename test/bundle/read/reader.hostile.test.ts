import { appendFile, copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from 'vitest';
import { openBundle, verifyBundle, type BundlePlan } from '../../../src/bundle/index.ts';
import { codeOf } from '../../support/hostile-texts.ts';
import { writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

/** Where the fields of a ustar header begin (POSIX.1-1988), and where the last one ends. */
const FIELDS = [0, 100, 108, 116, 124, 136, 148, 156, 157, 257, 263, 265, 297, 329, 337, 345, 500, 512];
const directory = useTempDir();
let plan: BundlePlan;
let whole: Buffer;

beforeEach(async () => {
  const path = join(directory(), 'good.tar');
  plan = await writeSmallBundle(path);
  whole = await readFile(path);
});

async function fileOf(bytes: Buffer): Promise<string> {
  const path = join(directory(), 'bad.tar');
  await writeFile(path, bytes);
  return path;
}

async function openAndClose(path: string): Promise<void> {
  await (await openBundle(path)).close();
}

/** A copy that a test may change while it is open. */
async function copyOfGood(): Promise<string> {
  const path = join(directory(), 'changing.tar');
  await copyFile(join(directory(), 'good.tar'), path);
  return path;
}

describe('openBundle', () => {
  it('refuses a bundle that is cut at the start or end of any member, or at any field of any header', async () => {
    const cuts = plan.members.flatMap(({ headerOffset, offset, size, end }) => [
      ...FIELDS.flatMap((field) => [headerOffset + field, headerOffset + field + 1]),
      offset + 1,
      offset + size - 1,
      offset + size,
      end - 1,
    ]);
    for (const cut of [...new Set([...cuts, whole.length - 1024, whole.length - 512, whole.length - 1])]) {
      if (cut < 0 || cut >= whole.length) continue;
      expect(await codeOf(async () => openAndClose(await fileOf(whole.subarray(0, cut)))), `cut at ${cut}`).toBe('BUNDLE_DAMAGED');
    }
  });

  it('refuses a first header of which any field holds anything else', async () => {
    for (const [index, start] of FIELDS.slice(0, -1).entries()) {
      const end = FIELDS[index + 1] ?? 512;
      for (const fill of ['\xff', '\x80', '9', '-', '\0', ' ', 'é'.normalize('NFD')]) {
        const bytes = Buffer.from(whole);
        bytes.fill(Buffer.from(fill, 'latin1'), start, end);
        if (bytes.equals(whole)) continue;
        expect(await codeOf(async () => openAndClose(await fileOf(bytes))), `field at ${start} with ${fill}`).toBe('BUNDLE_DAMAGED');
      }
    }
  });

  it('refuses a bundle.json that claims more than is read, before it takes the memory', async () => {
    const bytes = Buffer.from(whole);
    bytes.write('77777777777\0', 124, 'latin1');
    let sum = 8 * 32;
    for (const [at, byte] of bytes.subarray(0, 512).entries()) sum += at >= 148 && at < 156 ? 0 : byte;
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    await expect(openBundle(await fileOf(bytes))).rejects.toMatchObject({
      code: 'BUNDLE_DAMAGED',
      message: expect.stringContaining('claims 8589934591 bytes'),
    });
  });

  it('refuses bytes behind the end, down to one', async () => {
    for (const more of [1, 512, 10_240]) {
      expect(await codeOf(async () => openAndClose(await fileOf(Buffer.concat([whole, Buffer.alloc(more)]))))).toBe('BUNDLE_DAMAGED');
    }
  });
});

describe('BundleReader', () => {
  it('gives the same bytes of a bundle that grows while it is open', async () => {
    const path = await copyOfGood();
    const reader = await openBundle(path);
    await appendFile(path, Buffer.alloc(100_000, 'x'));
    for (const { path: name, offset, size } of plan.members) {
      expect((await buffer(reader.open(name))).equals(whole.subarray(offset, offset + size))).toBe(true);
    }
    await reader.close();
  });

  it('ends every way of reading with an error when the bundle shrinks while it is open', async () => {
    const path = await copyOfGood();
    const reader = await openBundle(path);
    const { path: name, offset } = plan.members.at(-1) ?? { path: '', offset: 0 };
    await truncate(path, offset + 1);
    expect(await codeOf(() => reader.read(name, { limit: 1_000_000 }))).toBe('INPUT_UNREADABLE');
    expect(await codeOf(() => buffer(reader.open(name)))).toBe('INPUT_UNREADABLE');
    await reader.close();
  });

  it('refuses a member whose bytes change while the bundle is open', async () => {
    const path = await copyOfGood();
    const reader = await openBundle(path);
    const bytes = Buffer.from(whole);
    bytes.write('!', plan.members.find((member) => member.path === 'caisson')?.offset ?? 0);
    await writeFile(path, bytes);
    expect(await codeOf(() => reader.read('caisson', { limit: 1000 }))).toBe('DIGEST_MISMATCH');
    await reader.close();
  });

  it('reads no member beyond the limit that it is given', async () => {
    const reader = await openBundle(join(directory(), 'good.tar'));
    expect(await codeOf(() => reader.read('caisson', { limit: 3 }))).toBe('LIMIT_EXCEEDED');
    for (const name of ['../caisson', '__proto__', 'constructor', '', 'caisson/', '/caisson']) {
      expect(await codeOf(() => reader.read(name, { limit: 1000 }))).toBe('FILE_UNKNOWN');
    }
    await reader.close();
  });
});

describe('verifyBundle', () => {
  it.each<readonly [string, (path: string) => Promise<void>]>([
    ['grows', (path) => appendFile(path, Buffer.alloc(2048, 'x'))],
    ['shrinks', (path) => truncate(path, Math.floor(whole.length / 2))],
    ['is all but emptied', (path) => truncate(path, 100)],
  ])('finds the fault of a bundle that %s before the second look', async (_, change) => {
    const path = await copyOfGood();
    expect((await verifyBundle(path)).findings).toEqual([]);
    await change(path);
    expect((await verifyBundle(path)).findings).not.toEqual([]);
  });

  it('refuses one that is emptied before the second look', async () => {
    const path = await copyOfGood();
    await truncate(path, 0);
    expect(await codeOf(() => verifyBundle(path))).toBe('BUNDLE_DAMAGED');
  });

  it('never ends in anything but a report or an error of ours, though the bundle shrinks while it is read', async () => {
    for (const size of [0, 700, Math.floor(whole.length / 2), whole.length - 1]) {
      const path = await copyOfGood();
      const code = codeOf(() => verifyBundle(path));
      await truncate(path, size);
      expect([undefined, 'INPUT_UNREADABLE', 'BUNDLE_DAMAGED']).toContain(await code);
    }
  });
});
