import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  blobPath,
  bundleBlobs,
  bundleCatalog,
  bundleTree,
  openBundle,
  planBundle,
  type BundlePlan,
  type BundleReader,
} from '../../../src/bundle/index.ts';
import { DigestMismatchError, digestOf } from '../../../src/core/index.ts';
import { SMALL_BUNDLE_DATE, smallBundle, writeSmallBundle } from '../../support/small-bundle.ts';
import { processorMs, timed } from '../../support/timed.ts';

let directory: string;
let path: string;
let plan: BundlePlan;
let reader: BundleReader;
const { contents, input } = smallBundle();
const someBlob = [...contents.keys()].find((name) => name.startsWith('blobs/')) ?? '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caisson-reader-'));
  path = join(directory, 'lab.tar');
  plan = await writeSmallBundle(path);
  reader = await openBundle(path);
});

afterAll(async () => {
  await reader.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A copy of the bundle whose bundle.json has other bytes, padded to the same size. */
function withJson(name: string, change: (text: string) => string): string {
  const copy = join(directory, name);
  const bytes = readFileSync(path);
  const size = plan.members[0]?.size ?? 0;
  const text = change(bytes.toString('utf8', 512, 512 + size).trimEnd());
  bytes.fill(' ', 512, 512 + size);
  bytes.write(text, 512, size, 'utf8');
  writeFileSync(copy, bytes);
  return copy;
}

describe('openBundle', () => {
  it('knows the manifest, the size and the identity', () => {
    expect(reader.manifest).toEqual(plan.manifest);
    expect([reader.size, reader.bundleDigest, reader.path]).toEqual([plan.size, plan.bundleDigest, path]);
  });

  it('reads every member, and any part of it', async () => {
    for (const [name, bytes] of contents) {
      expect(await buffer(reader.open(name))).toEqual(bytes);
      expect(await buffer(reader.open(name, { start: 3, end: 10 }))).toEqual(bytes.subarray(3, 10));
    }
    const sums = await reader.read('SHA256SUMS', { limit: 100_000 });
    expect(digestOf(sums)).toBe(reader.bundleDigest);
    expect(JSON.parse((await reader.read('bundle.json', { limit: 1_000_000 })).toString('utf8'))).toEqual(plan.manifest);
  });

  it('reads any part of the file itself, and refuses what is outside of it', async () => {
    const bytes = readFileSync(path);
    expect(await buffer(reader.openFile())).toEqual(bytes);
    expect(await buffer(reader.openFile({ start: 3, end: 10 }))).toEqual(bytes.subarray(3, 10));
    for (const [start, end] of [
      [-1, 10],
      [10, 3],
      [0, plan.size + 1],
      [plan.size + 1, plan.size + 1],
      [0.5, 10],
      [0, Number.NaN],
    ] as const)
      expect(() => reader.openFile({ start, end })).toThrow(RangeError);
  });

  it('refuses ranges outside a member', () => {
    const size = contents.get(someBlob)?.length ?? 0;
    for (const range of [
      { start: -1, end: 1 },
      { start: 0, end: size + 1 },
      { start: 2, end: 1 },
      { start: 0.5, end: 1 },
    ]) {
      expect(() => reader.open(someBlob, range)).toThrow(RangeError);
    }
  });

  it('refuses members that it does not hold, and larger ones than the caller takes', async () => {
    expect(() => reader.open('none')).toThrow(expect.objectContaining({ code: 'FILE_UNKNOWN' }));
    await expect(reader.read('none', { limit: 1 })).rejects.toMatchObject({ code: 'FILE_UNKNOWN' });
    await expect(reader.read('SHA256SUMS', { limit: 10 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(reader.entry('none')).toBeUndefined();
  });

  it('checks the digest of what it reads whole', async () => {
    const copy = join(directory, 'changed.tar');
    const bytes = readFileSync(path);
    bytes.write('X', plan.members.find((member) => member.path === someBlob)?.offset ?? 0);
    writeFileSync(copy, bytes);
    const changed = await openBundle(copy);
    await expect(changed.read(someBlob, { limit: 100_000 })).rejects.toThrow(DigestMismatchError);
    await changed.close();
  });

  it('refuses a file that is cut or too long, with the sizes', async () => {
    const copy = join(directory, 'cut.tar');
    copyFileSync(path, copy);
    truncateSync(copy, plan.size - 1);
    await expect(openBundle(copy)).rejects.toMatchObject({
      code: 'BUNDLE_DAMAGED',
      exitStatus: 4,
      message: expect.stringContaining(`it is cut short: it has ${plan.size - 1} bytes`),
    });
    copyFileSync(path, copy);
    appendFileSync(copy, 'x');
    await expect(openBundle(copy)).rejects.toMatchObject({ message: expect.stringContaining(`want ${plan.size} (`) });
  });

  it('refuses every cut inside the first members', async () => {
    const copy = join(directory, 'short.tar');
    const bytes = readFileSync(path);
    for (const size of [0, 1, 511, 512, 513, 4000, 512 + (plan.members[0]?.size ?? 0), 6000]) {
      writeFileSync(copy, bytes.subarray(0, size));
      await expect(openBundle(copy)).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    }
  });

  it('refuses what is no bundle', async () => {
    const other = join(directory, 'other');
    for (const bytes of [Buffer.from('hello'), Buffer.alloc(10_240), readFileSync(path).subarray(512 + (plan.members[0]?.size ?? 0))]) {
      writeFileSync(other, bytes);
      await expect(openBundle(other)).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED' });
    }
  });

  it('refuses a first member of that name that is no file', async () => {
    const other = join(directory, 'other');
    const bytes = readFileSync(path);
    // A symbolic link (typeflag 2), with the sum of its header mended (POSIX pax, ustar header block).
    bytes.write('2', 156, 'latin1');
    bytes.fill(' ', 148, 156);
    const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    writeFileSync(other, bytes);
    await expect(openBundle(other)).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED', message: expect.stringContaining('first member') });
  });

  it('refuses a format that it does not know, and names the one it knows', async () => {
    const copy = withJson('version.tar', (text) => text.replace('caisson.bundle/v1', 'caisson.bundle/v9'));
    await expect(openBundle(copy)).rejects.toMatchObject({
      code: 'BUNDLE_VERSION_UNKNOWN',
      exitStatus: 3,
      message: expect.stringMatching(/"caisson.bundle\/v9", known are "caisson.bundle\/v1"/),
    });
  });

  it.each<[string, (text: string) => string, RegExp]>([
    ['that is not JSON', (text) => text.slice(0, -2), /it is not JSON/],
    ['with an unknown key', (text) => text.replace('"name": "lab"', '"name": "lab", "extra": 1'), /extra/],
    ['of another version than the first that fits it', (text) => text.replace('caisson.bundle/v1', 'caisson.bundle/v2'), /bundle\.json/],
    ['without an apiVersion', (text) => text.replace('"apiVersion"', '"apiversion"'), /apiVersion/],
    ['with a wrong type', (text) => text.replace('"version": "1.2.3"', '"version": 7'), /version/],
    [
      'with another offset',
      (text) => text.replace(/"offset": (\d+)/, '"offset": 1$1'),
      /"oci-layout" is said to lie at byte 1\d+, want \d+/,
    ],
    ['with a negative offset', (text) => text.replace(/"offset": \d+/, '"offset": -1'), /offset/],
    [
      'with a huge size',
      (text) => text.replace(/"size": \d+,\n {3}"digest": "[^"]*",\n {3}"mode": 493/, (match) => match.replace(/\d+/, '9007199254740992')),
      /size/,
    ],
    [
      'with a path that leaves the directory',
      (text) => text.replaceAll('"path": "caisson"', '"path": "../aisson"'),
      /its path is not safe/,
    ],
    ['with a path twice', (text) => text.replaceAll('"path": "caisson"', '"path": "bundle.lock.json"'), /more than once/],
    [
      'with a blob under another digest',
      (text) => text.replace(/"path": "blobs\/sha256\/../, '"path": "blobs/sha256/??'),
      /blobs\/sha256\/\?\?.*would have to be/,
    ],
    ['whose spaces differ', (text) => text.replace('"name": "lab"', '"name":"lab"'), /its keys, order or spaces differ/],
    [
      'with another index.json in mind',
      (text) => text.replace('"name": "docker.io/library/beta:latest"', '"name": "docker.io/library/evil:latest"'),
      /"index.json" is not what follows/,
    ],
  ])('refuses a bundle.json %s', async (name, change, message) => {
    const copy = withJson(`${name.replaceAll(' ', '-')}.tar`, change);
    await expect(openBundle(copy)).rejects.toMatchObject({ code: 'BUNDLE_DAMAGED', message: expect.stringMatching(message) });
  });

  timed('opens a bundle of ten thousand members in well under a second', async () => {
    const digest = digestOf('x');
    const files = Array.from({ length: 10_000 }, (_, index) => ({
      path: `documents/${index}`,
      kind: 'document' as const,
      size: 1,
      digest,
      mode: 0o644,
      origin: 'builder',
      content: Buffer.from('x'),
    }));
    const large = join(directory, 'large.tar');
    await writeSmallBundle(large, { input: { ...input, images: [], repositories: [], files }, contents: new Map() });
    expect(await processorMs(async () => (await openBundle(large)).close())).toBeLessThan(3000);
  });
});

describe('bundleBlobs', () => {
  it('serves blobs by digest', async () => {
    const blobs = bundleBlobs(reader);
    const bytes = contents.get(someBlob) ?? Buffer.alloc(0);
    const digest = digestOf(bytes);
    expect(await blobs.stat(digest)).toEqual({ size: bytes.length });
    expect(await buffer(await blobs.open(digest))).toEqual(bytes);
    expect(await buffer(await blobs.open(digest, { start: 1, end: 4 }))).toEqual(bytes.subarray(1, 4));
    await expect(blobs.open(digest, { start: 0, end: bytes.length + 1 })).rejects.toThrow(RangeError);
  });

  it('knows only blobs', async () => {
    const blobs = bundleBlobs(reader);
    const absent = digestOf('absent');
    expect(await blobs.stat(absent)).toBeUndefined();
    await expect(blobs.open(absent)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect(await blobs.stat(reader.entry('caisson')?.digest ?? absent)).toBeUndefined();
  });
});

describe('bundleTree', () => {
  it('has every member, with size, digest and the date of the bundle', async () => {
    const tree = bundleTree(reader);
    const entry = reader.entry('caisson');
    expect(await tree.stat('caisson')).toEqual({ size: entry?.size, digest: entry?.digest, modified: SMALL_BUNDLE_DATE });
    expect((await buffer(await tree.open('caisson', { start: 2, end: 9 }))).toString()).toBe('/bin/sh');
    expect(await tree.stat('apt')).toBeUndefined();
    await expect(tree.open('apt')).rejects.toMatchObject({ code: 'FILE_UNKNOWN' });
  });

  it('lists directories with a slash, sorted', async () => {
    const tree = bundleTree(reader);
    expect(await tree.list('')).toEqual([
      'SHA256SUMS',
      'apt/',
      'blobs/',
      'bundle.json',
      'bundle.lock.json',
      'caisson',
      'documents/',
      'index.json',
      'manifest.json',
      'manifests/',
      'oci-layout',
    ]);
    expect(await tree.list('apt/debian-12/')).toEqual(['dists/', 'pool/']);
    expect(await tree.list('apt/debian-12/pool')).toEqual(['alpha_1.0_amd64.deb', 'beta_2%3a1~rc1_all.deb']);
    expect(await tree.list('none')).toEqual([]);
  });
});

describe('bundleCatalog', () => {
  it('has repositories and tags by full name, sorted', async () => {
    const catalog = await bundleCatalog(reader);
    expect(catalog.repositories()).toEqual(['docker.io/library/alpha', 'docker.io/library/beta', 'registry.example/team/gamma']);
    expect(catalog.tags('docker.io/library/alpha')).toEqual(['1.0', 'stable']);
    expect(catalog.tags('alpha')).toBeUndefined();
  });

  it('finds indexes, their children and manifests by tag and by digest, each in its repository', async () => {
    const catalog = await bundleCatalog(reader);
    const gamma = input.images.find(({ name }) => name.includes('gamma'));
    const alpha = input.images.find(({ name }) => name.includes('alpha'));
    if (gamma === undefined || alpha === undefined) throw new Error('the small bundle has them');
    expect(catalog.find('registry.example/team/gamma', 'v3')).toEqual(gamma.root);
    expect(catalog.find('registry.example/team/gamma', gamma.root.digest)).toEqual(gamma.root);
    for (const { manifest } of gamma.platforms) expect(catalog.find('registry.example/team/gamma', manifest.digest)).toEqual(manifest);
    expect(catalog.find('docker.io/library/alpha', alpha.root.digest)).toEqual(alpha.root);
    expect(catalog.find('docker.io/library/beta', alpha.root.digest)).toBeUndefined();
    expect(catalog.find('docker.io/library/alpha', 'none')).toBeUndefined();
    expect(catalog.referrers('docker.io/library/alpha', alpha.root.digest)).toEqual([]);
  });

  it('takes a registry with a port for what it is', async () => {
    const [image] = input.images;
    if (image === undefined) throw new Error('the small bundle has images');
    const copy = join(directory, 'port.tar');
    await writeSmallBundle(copy, smallBundle({ images: [{ ...image, name: 'localhost:5000/gamma:v3' }] }));
    const other = await openBundle(copy);
    const catalog = await bundleCatalog(other);
    expect(catalog.repositories()).toEqual(['localhost:5000/gamma']);
    expect(catalog.tags('localhost:5000/gamma')).toEqual(['v3']);
    await other.close();
  });

  it('leaves a child of an index out that the bundle does not hold', async () => {
    const gamma = input.images.find(({ name }) => name.includes('gamma'));
    const arm = gamma?.platforms[1];
    if (gamma === undefined || arm === undefined) throw new Error('the small bundle has them');
    const copy = join(directory, 'one-platform.tar');
    const bundle = smallBundle({
      images: [{ ...gamma, platforms: gamma.platforms.slice(0, 1) }],
      files: input.files.filter(({ path }) => path !== blobPath(arm.manifest.digest)),
    });
    expect(planBundle(bundle.input).members.some(({ path }) => path === blobPath(arm.manifest.digest))).toBe(false);
    await writeSmallBundle(copy, bundle);
    const other = await openBundle(copy);
    const catalog = await bundleCatalog(other);
    expect(catalog.find('registry.example/team/gamma', 'v3')).toEqual(gamma.root);
    expect(catalog.find('registry.example/team/gamma', arm.manifest.digest)).toBeUndefined();
    await other.close();
  });
});
