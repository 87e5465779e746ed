import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, InvalidInputError } from '../../src/core/index.ts';
import { formatLock, parseLock, readLock, writeLock, type BundleLock } from '../../src/builder/lock.ts';
import { sampleLock } from './fixtures.ts';

/** The sample as plain data with one change made at a place, as a text editor would. */
function damaged(change: (document: { [key: string]: unknown; images: Record<string, unknown>[] }) => void): string {
  const document = JSON.parse(formatLock(sampleLock()));
  change(document);
  return JSON.stringify(document);
}

function problemsOf(text: string): string[] {
  try {
    parseLock(text, 'bundle.lock.json');
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.problems.map(({ path, reason }) => `${path ?? ''}: ${reason}`);
  }
  throw new Error('the lock was accepted');
}

describe('formatLock', () => {
  it('is read back as it was', () => {
    const lock = parseLock(formatLock(sampleLock()), 'bundle.lock.json');
    expect(formatLock(lock)).toBe(formatLock(sampleLock()));
  });

  it('gives the very text that versions before it gave', () => {
    expect(digestOf(formatLock(sampleLock()))).toBe('sha256:0e7b0bddc22060057edff53cbbff641a4412d592297d1d5547d118f18f8c9958');
  });

  it('gives one text whatever order things were resolved in', () => {
    const lock = sampleLock();
    const turned: BundleLock = { ...lock, images: lock.images.toReversed(), files: lock.files.toReversed() };
    expect(formatLock(turned)).toBe(formatLock(lock));
  });

  it('sorts images by name, indents by two spaces and ends with a newline', () => {
    const text = formatLock(sampleLock());
    expect(text.indexOf('"name": "example.com/api:1"')).toBeLessThan(text.indexOf('"name": "example.com/web:1"'));
    expect(text).toMatch(/^\{\n {2}"apiVersion": "caisson.lock\/v1",\n {2}"kind": "BundleLock",/);
    expect(text).toMatch(/\}\n$/);
  });

  it('keeps nothing of a descriptor but type, digest and size', () => {
    const lock = sampleLock();
    const [image] = lock.images;
    if (image === undefined) throw new Error('the sample has images');
    const annotated = { ...image, root: { ...image.root, annotations: { note: 'built on a laptop' } } };
    expect(formatLock({ ...lock, images: [annotated] })).not.toContain('laptop');
  });
});

describe('parseLock', () => {
  it('refuses what is not JSON', () => {
    expect(problemsOf('{ "apiVersion": ')).toEqual([expect.stringMatching(/is not JSON/)]);
  });

  it('names the place of an unknown key and of a wrong digest at once', () => {
    const text = damaged((document) => {
      Object.assign(document, { sha: 'x' });
      Object.assign(document.images[1] ?? {}, { root: { mediaType: 'a/b', digest: 'sha256:12', size: 3 } });
    });
    const problems = problemsOf(text);
    expect(problems).toContainEqual(expect.stringMatching(/sha/));
    expect(problems).toContainEqual(expect.stringMatching(/^images\[1\]\.root\.digest: is not sha256:/));
  });

  it('refuses a lock of another version, saying which it reads', () => {
    expect(problemsOf(damaged((document) => (document['apiVersion'] = 'caisson.lock/v9')))).toEqual([
      'apiVersion: is "caisson.lock/v9", this Caisson reads "caisson.lock/v1"',
    ]);
  });

  it('refuses an image that is named twice', () => {
    expect(problemsOf(damaged((document) => document.images.push(document.images[0] ?? {})))).toEqual([
      'images[2]: names "example.com/api:1" a second time',
    ]);
  });

  it('refuses an image whose documents lack its manifest', () => {
    const text = damaged((document) => Object.assign(document.images[0] ?? {}, { documents: document.images[1]?.['documents'] }));
    expect(problemsOf(text)).toContainEqual(expect.stringMatching(/^images\[0\]\.documents: lacks "sha256:/));
  });

  it.each([
    ['a package path that leaves the repository', { filename: '../../etc/passwd' }, /filename/],
    ['a repository that is neither on the web nor a directory', { repository: 'ftp://example.com/debian' }, /repository/],
    ['a paragraph that smuggles in another package', { stanza: 'Package: a\n\nPackage: b' }, /stanza/],
    ['a negative size', { size: -1 }, /size/],
  ])('refuses %s', (_, change, place) => {
    const lock = sampleLock();
    const [os] = lock.operatingSystems;
    const item = { ...os?.packages[0], ...change };
    const text = JSON.stringify({ ...lock, operatingSystems: [{ ...os, packages: [item] }] });
    expect(problemsOf(text)).toEqual([expect.stringMatching(place)]);
  });
});

describe('readLock and writeLock', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'caisson-lock-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('finds no lock where there is none', async () => {
    expect(await readLock(join(directory, 'bundle.lock.json'))).toBeUndefined();
  });

  it('says of a lock that it cannot read why', async () => {
    await expect(readLock(directory)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it('leaves a file that says the same untouched', async () => {
    const path = join(directory, 'bundle.lock.json');
    expect(await writeLock(path, sampleLock())).toBe(true);
    const before = await stat(path);
    expect(await writeLock(path, sampleLock())).toBe(false);
    expect((await stat(path)).ino).toBe(before.ino);
  });

  it('replaces the file at once and leaves nothing beside it', async () => {
    const path = join(directory, 'bundle.lock.json');
    await writeFile(path, 'old');
    await writeLock(path, sampleLock());
    expect(await readFile(path, 'utf8')).toBe(formatLock(sampleLock()));
    expect(await readdir(directory)).toEqual(['bundle.lock.json']);
  });
});
