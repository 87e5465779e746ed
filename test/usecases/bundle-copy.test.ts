import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openBundle, type BundleReader } from '../../src/bundle/index.ts';
import { systemClock, type Event } from '../../src/core/index.ts';
import { placeBundleCopy } from '../../src/usecases/bundle-copy.ts';
import { writeSmallBundle } from '../support/small-bundle.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { cutIntoVolumes } from '../support/volumes.ts';

const directory = useTempDir();
let bundle: BundleReader;
let target: string;
let events: Event[];

beforeEach(async () => {
  await writeSmallBundle(join(directory(), 'lab.tar'));
  bundle = await openBundle(join(directory(), 'lab.tar'));
  await bundle.close();
  await mkdir(join(directory(), 'seed'));
  target = join(directory(), 'seed/copy.tar');
  events = [];
});

async function place(signal = new AbortController().signal): Promise<void> {
  await placeBundleCopy(bundle, target, { clock: systemClock, signal, emit: (event) => events.push(event) });
}

async function expectCopy(): Promise<void> {
  expect((await readFile(target)).equals(await readFile(bundle.path))).toBe(true);
  expect(await readdir(join(directory(), 'seed'))).toEqual(['copy.tar']);
}

describe('placeBundleCopy', () => {
  it('copies, and leaves nothing but the copy', async () => {
    await place();
    await expectCopy();
  });

  it('goes on behind what a killed run has copied', async () => {
    await copyFile(bundle.path, `${target}.copy`);
    await truncate(`${target}.copy`, 12_345);
    await place();
    await expectCopy();
    expect(events).toContainEqual({ type: 'note', message: expect.stringContaining('12.1 KiB of') });
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  it.each([0, 12_345, 25_000])('joins volumes from several directories, behind %i bytes that are there', async (present) => {
    const whole = await readFile(bundle.path);
    const volumes = cutIntoVolumes(bundle.path, 20_000, { directoryOf: (number) => join(directory(), `disk-${number}`) });
    await rm(bundle.path);
    bundle = await openBundle(volumes);
    await bundle.close();
    if (present > 0) await writeFile(`${target}.copy`, whole.subarray(0, present));
    await place();
    expect((await readFile(target)).equals(whole)).toBe(true);
    expect(await readdir(join(directory(), 'seed'))).toEqual(['copy.tar']);
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
  });

  it('copies all again, once, when what was there is not the start of the bundle', async () => {
    await writeFile(`${target}.copy`, Buffer.alloc(12_345, 'x'));
    await place();
    await expectCopy();
    expect(events).toContainEqual({
      type: 'warning',
      message: expect.stringMatching(/copied again: [\s\S]*damaged|copied again: [\s\S]*fault/),
    });
  });

  it('refuses a bundle that is damaged itself, continued or not, and leaves nothing', async () => {
    const bytes = await readFile(bundle.path);
    bytes.writeUInt8((bytes.at(-3000) ?? 0) ^ 1, bytes.byteLength - 3000);
    await writeFile(bundle.path, bytes);
    await expect(place()).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    expect(await readdir(join(directory(), 'seed'))).toEqual([]);
    await writeFile(`${target}.copy`, bytes.subarray(0, 5000));
    await expect(place()).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    expect(await readdir(join(directory(), 'seed'))).toEqual([]);
  });

  it('keeps what is there when it is interrupted', async () => {
    await copyFile(bundle.path, `${target}.copy`);
    await truncate(`${target}.copy`, 12_345);
    const stop = new AbortController();
    stop.abort(new Error('received SIGINT'));
    await expect(place(stop.signal)).rejects.toThrow('received SIGINT');
    expect((await stat(`${target}.copy`)).size).toBeGreaterThanOrEqual(12_345);
  });
});
