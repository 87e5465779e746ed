import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import {
  blobPath,
  bundleBlobs,
  closeBundles,
  openBundle,
  openBundles,
  planBundle,
  verifyBundle,
  type BundleInput,
} from '../../../src/bundle/index.ts';
import { digestOf } from '../../../src/core/index.ts';
import { newerBundle, writeDelta } from '../../support/delta-bundle.ts';
import { smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';
import { useTempDir } from '../../support/temp-dir.ts';

const directory = useTempDir();
const file = (name: string): string => join(directory(), name);

/** A full bundle, a delta on it, and a delta on both. */
async function chain(): Promise<{ readonly full: string; readonly first: string; readonly second: string }> {
  const full = file('full.tar');
  await writeSmallBundle(full);
  const first = await writeDelta(file('first.tar'), newerBundle('1.3.0', ['one']), [full]);
  const second = await writeDelta(file('second.tar'), newerBundle('1.4.0', ['one', 'two']), [full, first]);
  return { full, first, second };
}

describe('a delta', () => {
  it('holds only what its base does not, and says all about the rest', async () => {
    const { full, first } = await chain();
    const [base, delta] = [await openBundle(full), await openBundle(first)];
    const own = delta.manifest.entries.filter(({ kind }) => kind === 'blob' || kind === 'package' || kind === 'executable');
    expect(own.map(({ path }) => path)).toEqual([blobPath(digestOf('one'.repeat(1000)))]);
    expect(delta.manifest.bases).toEqual([{ name: 'lab', version: '1.2.3', digest: base.bundleDigest }]);
    expect(delta.manifest.images).toEqual(base.manifest.images);
    const left = delta.manifest.baseEntries;
    expect(left).toHaveLength(base.manifest.entries.filter(({ kind }) => ['blob', 'package', 'executable'].includes(kind)).length);
    for (const entry of left) {
      const { offset: _, ...known } = base.manifest.entries.find(({ path }) => path === entry.path) ?? { offset: 0 };
      expect(entry).toEqual({ ...known, base: base.bundleDigest });
    }
    await closeBundles([base, delta]);
  });

  it('is whole by itself, byte for byte', async () => {
    const { first } = await chain();
    expect((await verifyBundle(first)).findings).toEqual([]);
  });

  it('reads like a full bundle once its bases are there, wherever in a chain a member lies', async () => {
    const { full, first, second } = await chain();
    const readers = await openBundles([full, second, first]);
    const [newest] = readers;
    expect(readers.map(({ path }) => path)).toEqual([second, first, full]);
    if (newest === undefined) throw new Error('nothing was opened');
    for (const [path, bytes] of newerBundle('1.4.0', ['one', 'two']).contents) {
      expect(newest.entry(path)).toMatchObject({ size: bytes.length, digest: digestOf(bytes) });
      expect(await newest.read(path, { limit: 1_000_000 })).toEqual(bytes);
      expect(await text(newest.open(path, { start: 1, end: 3 }))).toBe(bytes.subarray(1, 3).toString());
    }
    const { digest, size } = smallBundle().input.images[0]?.root ?? { digest: digestOf(''), size: 0 };
    expect(await bundleBlobs(newest).stat(digest)).toEqual({ size });
    await closeBundles(readers);
  });

  it('names each bundle that it lacks', async () => {
    const { full, first, second } = await chain();
    await expect(openBundles([first])).rejects.toMatchObject({
      code: 'BUNDLE_BASE_MISSING',
      exitStatus: 3,
      message: expect.stringMatching(/first\.tar" without lab 1\.2\.3 \(bundle sha256:[0-9a-f]{64}\): it is a delta/),
    });
    await expect(openBundles([second])).rejects.toThrow(/lab 1\.2\.3 .* and lab 1\.3\.0 /);
    await expect(openBundles([second, full])).rejects.toThrow(/without lab 1\.3\.0 /);
  });

  it('says the same of a member that is asked for without the base', async () => {
    const { first } = await chain();
    const reader = await openBundle(first);
    const [left] = reader.manifest.baseEntries;
    expect(() => reader.open(left?.path ?? '')).toThrow(expect.objectContaining({ code: 'BUNDLE_BASE_MISSING' }));
    await expect(reader.read(left?.path ?? '', { limit: 1 })).rejects.toMatchObject({ code: 'BUNDLE_BASE_MISSING' });
    await reader.close();
  });

  it('finds a base that was not given where it is told to look', async () => {
    const { full, first } = await chain();
    const readers = await openBundles([first], { findBase: async ({ version }) => (version === '1.2.3' ? full : undefined) });
    expect(readers.map(({ path }) => path)).toEqual([first, full]);
    await closeBundles(readers);
  });

  it('refuses another bundle under the name of the base', async () => {
    const { full, first } = await chain();
    const stranger = file('stranger.tar');
    await writeSmallBundle(stranger, smallBundle({ version: '9' }));
    await rename(stranger, full);
    await expect(openBundles([first], { findBase: async () => full })).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    await expect(openBundles([first, full])).rejects.toMatchObject({ code: 'BUNDLE_BASE_MISSING' });
  });

  it('refuses a base that does not hold what is said to lie in it', async () => {
    const { full } = await chain();
    const base = await openBundle(full);
    const { name, version } = base.manifest;
    const lie = newerBundle('1.5.0', ['elsewhere']);
    const path = blobPath(digestOf('elsewhere'.repeat(1000)));
    const input: BundleInput = {
      ...lie.input,
      files: lie.input.files.filter((each) => each.path !== path),
      bases: [{ name, version, digest: base.bundleDigest }],
      baseEntries: lie.input.files.filter((each) => each.path === path).map((each) => ({ ...each, base: base.bundleDigest })),
    };
    const liar = file('liar.tar');
    await writeSmallBundle(liar, { input, contents: lie.contents });
    await base.close();
    await expect(openBundles([liar, full])).rejects.toMatchObject({
      code: 'BUNDLE_DAMAGED',
      message: expect.stringContaining(`"${path}" lies in "${full}", where it does not`),
    });
  });

  it('opens a bundle that was given twice once', async () => {
    const { full } = await chain();
    const readers = await openBundles([full, full]);
    expect(readers).toHaveLength(1);
    await closeBundles(readers);
  });
});

describe('a plan of a delta', () => {
  const base = { name: 'lab', version: '1', digest: digestOf('base') };
  const { input } = smallBundle();
  const problems = (changes: Partial<BundleInput>): unknown => {
    try {
      return planBundle({ ...input, ...changes });
    } catch (error) {
      return String(error);
    }
  };
  const [blob] = input.files.filter(({ kind }) => kind === 'blob');
  const [lockFile] = input.files.filter(({ kind }) => kind === 'metadata');
  if (blob === undefined || lockFile === undefined) throw new Error('a small bundle has both');
  const without = input.files.filter((each) => each !== blob);

  it('counts what lies in a base as there', () => {
    expect(problems({ files: without })).toContain('it is missing');
    expect(problems({ files: without, bases: [base], baseEntries: [{ ...blob, base: base.digest }] })).toHaveProperty('manifest');
  });

  it('refuses a base that is not listed, listed twice, or good for nothing', () => {
    expect(problems({ files: without, baseEntries: [{ ...blob, base: base.digest }] })).toContain('which is not listed as a base');
    const baseEntries = [{ ...blob, base: base.digest }];
    expect(problems({ files: without, bases: [base, base], baseEntries })).toContain('a base is listed more than once');
    expect(problems({ bases: [base] })).toContain('and nothing lies in it');
  });

  it('refuses small files in a base, and members that are here and there', () => {
    expect(problems({ bases: [base], baseEntries: [{ ...blob, base: base.digest }] })).toContain('it is listed more than once');
    const files = input.files.filter((each) => each !== lockFile);
    expect(problems({ files, bases: [base], baseEntries: [{ ...lockFile, base: base.digest }] })).toContain('no delta leaves to a base');
  });
});
