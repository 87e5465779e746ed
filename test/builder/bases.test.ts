import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { asDelta, readBases } from '../../src/builder/bases.ts';
import { blobPath, formatReceipt, heldBundles, openBundle, parseReceipt, planBundle } from '../../src/bundle/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { newerBundle, writeDelta } from '../support/delta-bundle.ts';
import { writeSmallBundle } from '../support/small-bundle.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const file = (name: string): string => join(directory(), name);

async function fullBundle(): Promise<string> {
  await writeSmallBundle(file('full.tar'));
  return file('full.tar');
}

async function receiptOf(...paths: readonly string[]): Promise<string> {
  const readers = await Promise.all(paths.map((path) => openBundle(path)));
  await writeFile(file('receipt.json'), formatReceipt(heldBundles(readers)));
  await Promise.all(readers.map((reader) => reader.close()));
  return file('receipt.json');
}

describe('bases of a delta', () => {
  it('are bundles or receipts, and give the same delta', async () => {
    const full = await fullBundle();
    const { input } = newerBundle('1.3.0', ['one']);
    const byBundle = planBundle(asDelta(input, await readBases([full])));
    const byReceipt = planBundle(asDelta(input, await readBases([await receiptOf(full)])));
    expect(byReceipt.bundleDigest).toBe(byBundle.bundleDigest);
    expect(byBundle.manifest.bases).toHaveLength(1);
  });

  it('may be given in any order, and twice', async () => {
    const full = await fullBundle();
    const first = await writeDelta(file('first.tar'), newerBundle('1.3.0', ['one']), [full]);
    const { input } = newerBundle('1.4.0', ['one', 'two']);
    const digests = await Promise.all(
      [
        [full, first],
        [first, full],
        [first, await receiptOf(full, first)],
      ].map(async (paths) => planBundle(asDelta(input, await readBases(paths))).bundleDigest),
    );
    expect(new Set(digests).size).toBe(1);
  });

  it('speak for their own bases: a delta alone is enough', async () => {
    const full = await fullBundle();
    const first = await writeDelta(file('first.tar'), newerBundle('1.3.0', ['one']), [full]);
    const { manifest } = planBundle(asDelta(newerBundle('1.4.0', ['one', 'two']).input, await readBases([first])));
    expect(manifest.bases.map(({ version }) => version)).toEqual(['1.2.3', '1.3.0']);
    const reader = await openBundle(first);
    const { bundleDigest } = reader;
    await reader.close();
    expect(manifest.baseEntries.filter(({ base }) => base === bundleDigest).map(({ path }) => path)).toEqual([
      blobPath(digestOf('one'.repeat(1000))),
    ]);
  });

  it('that hold nothing of the bundle leave it full', async () => {
    const full = await fullBundle();
    const input = { ...newerBundle('1', []).input, images: [], repositories: [], files: [] };
    expect(planBundle(asDelta(input, await readBases([full]))).manifest.bases).toEqual([]);
  });

  it('leave a package in the bundle whose bytes changed under its name', async () => {
    const full = await fullBundle();
    const { input } = newerBundle('1.3.0', []);
    const [changed] = input.files.filter(({ kind }) => kind === 'package');
    const files = input.files.map((each) => (each === changed ? { ...each, digest: digestOf('rebuilt') } : each));
    const { manifest } = planBundle(asDelta({ ...input, files }, await readBases([full])));
    expect(manifest.entries.map(({ path }) => path)).toContain(changed?.path);
  });

  it.each([
    ['{', 'it is not JSON'],
    ['{"apiVersion":"caisson.receipt/v2"}', 'apiVersion'],
    [
      '{"apiVersion":"caisson.receipt/v1","kind":"Receipt","bundles":[{"name":"a","version":"1","digest":"x","members":[]}]}',
      'bundles.0.digest',
    ],
    ['{"apiVersion":"caisson.receipt/v1","kind":"Receipt","bundles":[],"more":1}', 'more'],
    [`${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`, ''],
  ])('are refused as a receipt with the place: %.40s', async (text, place) => {
    await writeFile(file('receipt.json'), text);
    await expect(readBases([file('receipt.json')])).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining(place),
      hint: expect.stringContaining('caisson inspect --receipt'),
    });
  });

  it('are refused by name when they cannot be read or are no bundle', async () => {
    await expect(readBases([file('none.tar')])).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('none.tar'),
    });
    await writeFile(file('text.tar'), 'hello');
    await expect(readBases([file('text.tar')])).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
  });
});

it('reads back the receipt it writes, in canonical form', async () => {
  const reader = await openBundle(await fullBundle());
  const held = heldBundles([reader]);
  const bytes = formatReceipt(held);
  expect(formatReceipt(parseReceipt(Buffer.from(bytes), 'r'))).toBe(bytes);
  expect(held[0]?.members.map(({ path }) => path)).toContain('caisson');
  expect(held[0]?.members.map(({ path }) => path)).not.toContain('bundle.lock.json');
  await reader.close();
});
