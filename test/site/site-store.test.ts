import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFileStore } from '../../src/site/index.ts';
import { sampleRecord } from '../support/sample-site.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const path = (): string => join(directory(), 'state/site.json');

async function damaged(text: string): Promise<void> {
  await mkdir(dirname(path()), { recursive: true });
  await writeFile(path(), text);
}

describe('openFileStore', () => {
  it('has no record before one is written, and none after it was removed', async () => {
    const store = openFileStore(path());
    expect(await store.read()).toBeUndefined();
    await store.remove();
    await store.write(sampleRecord(), undefined);
    await store.remove();
    expect(await store.read()).toBeUndefined();
  });

  it('gives back what was written, and counts its revisions from 1', async () => {
    const store = openFileStore(path());
    expect(await store.write(sampleRecord({ revision: 0 }), undefined)).toEqual(sampleRecord({ revision: 1 }));
    expect(await store.write(sampleRecord({ name: 'other' }), 1)).toEqual(sampleRecord({ name: 'other', revision: 2 }));
    expect(await openFileStore(path()).read()).toEqual(sampleRecord({ name: 'other', revision: 2 }));
  });

  it.each([
    ['there is one where none was expected', undefined, 'it has revision 1, want none'],
    ['it is newer', 7, 'it has revision 1, want 7'],
  ])('writes nothing when %s', async (_, expected, words) => {
    const store = openFileStore(path());
    await store.write(sampleRecord(), undefined);
    await expect(store.write(sampleRecord({ name: 'other' }), expected)).rejects.toMatchObject({
      code: 'SITE_RECORD_CHANGED',
      exitStatus: 7,
      message: `Cannot write the site record "${path()}": ${words}`,
      hint: 'Another run wrote it; run the same command again',
    });
    expect((await store.read())?.name).toBe('lab');
  });

  it('writes nothing when the record that was expected is gone', async () => {
    await expect(openFileStore(path()).write(sampleRecord(), 1)).rejects.toMatchObject({
      code: 'SITE_RECORD_CHANGED',
      message: expect.stringContaining('it has revision none, want 1'),
    });
    expect(await openFileStore(path()).read()).toBeUndefined();
  });

  it.each([
    ['cut short', JSON.stringify(sampleRecord()).slice(0, 200), 'JSON'],
    ['empty', '', 'JSON'],
    ['of another kind', JSON.stringify({ ...sampleRecord(), kind: 'HostRecord' }), 'kind: '],
    ['changed by hand', JSON.stringify({ ...sampleRecord(), hosts: { m1: {} } }), 'hosts.m1.address: '],
  ])('refuses a record that is %s, says how to get another, and leaves it as it is', async (_, text, reason) => {
    await damaged(text);
    const store = openFileStore(path());
    const refusal = {
      code: 'SITE_RECORD_INVALID',
      message: expect.stringMatching(new RegExp(`^Cannot use the site record ".*site\\.json": .*${reason}`)),
      hint: 'Move it away, and restore a backup: caisson restore FILE. Without one, the record is then made again from what the hosts keep',
    };
    await expect(store.read()).rejects.toMatchObject(refusal);
    await expect(store.write(sampleRecord(), undefined)).rejects.toMatchObject(refusal);
    expect(await readFile(path(), 'utf8')).toBe(text);
  });

  it('names a few mistakes of a damaged record, not all', async () => {
    const hosts = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`h${index}`, { address: 1, roles: 1, owned: 1 }]));
    await damaged(JSON.stringify({ ...sampleRecord(), hosts }));
    const failure: unknown = await openFileStore(path())
      .read()
      .catch((error: unknown) => error);
    expect(String(failure).match(/hosts\./g)).toHaveLength(5);
  });

  it('keeps the record for root alone, whoever could read it before', async () => {
    const store = openFileStore(path());
    await store.write(sampleRecord(), undefined);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    await chmod(path(), 0o644);
    await store.write(sampleRecord(), 1);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  it('replaces the record at once: readers see the old one or the new one, and nothing is left beside it', async () => {
    const store = openFileStore(path());
    const big = { note: 'x'.repeat(200_000) };
    await store.write(sampleRecord({ values: big }), undefined);
    let isWriting = true;
    const seen = new Set<number>();
    const reading = (async () => {
      while (isWriting) seen.add((await store.read())?.revision ?? -1);
    })();
    for (let revision = 1; revision <= 20; revision += 1) await store.write(sampleRecord({ values: big }), revision);
    isWriting = false;
    await reading;
    expect(seen).not.toContain(-1);
    expect(await readdir(dirname(path()))).toEqual(['site.json']);
  });

  it('leaves the record as it is when a new one cannot be written', async () => {
    const store = openFileStore(path());
    await store.write(sampleRecord(), undefined);
    const before = await readFile(path(), 'utf8');
    // What is no record is a bug of the caller, not a record that was damaged.
    const wrong = { ...sampleRecord(), secrets: [...sampleRecord().secrets], more: 1 };
    await expect(store.write(wrong, 1)).rejects.not.toMatchObject({ code: 'SITE_RECORD_INVALID' });
    expect(await readFile(path(), 'utf8')).toBe(before);
  });

  it('says that a record cannot be read, and who can', async () => {
    await mkdir(path(), { recursive: true });
    await expect(openFileStore(path()).read()).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      hint: expect.stringContaining('as root on the seed'),
    });
  });
});
