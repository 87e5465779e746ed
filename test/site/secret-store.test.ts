import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSecretStore, type SecretStore } from '../../src/site/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

describe('openSecretStore', () => {
  it('makes a secret once and gives the same one ever after', async () => {
    const first = await openSecretStore(directory()).obtain('db-root', 24);
    expect(first).toMatch(/^[A-Za-z0-9]{24}$/);
    expect(await openSecretStore(directory()).obtain('db-root', 24)).toBe(first);
  });

  it('makes nothing when it is only asked what there is', async () => {
    expect(await openSecretStore(directory()).peek('db-root')).toBeUndefined();
    expect(await readdir(directory())).toEqual([]);
  });

  it('keeps each in a file that only its owner can read', async () => {
    const inner = join(directory(), 'secrets');
    await openSecretStore(inner).obtain('db-root', 24);
    expect((await stat(join(inner, 'db-root'))).mode & 0o777).toBe(0o600);
    expect((await stat(inner)).mode & 0o777).toBe(0o700);
  });

  it('refuses a name that would leave its directory', async () => {
    await expect(openSecretStore(directory()).obtain('../escaped', 24)).rejects.toThrow('escaped');
  });

  it('names the secrets that were made, and not what a crash left beside them', async () => {
    const store = openSecretStore(join(directory(), 'secrets'));
    expect(await store.names()).toEqual([]);
    for (const name of ['web-token', 'db-root']) await store.obtain(name, 24);
    await writeFile(join(directory(), 'secrets/.db-root.0a1b.tmp'), 'half');
    expect(await store.names()).toEqual(['db-root', 'web-token']);
  });

  it('says since when a value is there', async () => {
    const store = openSecretStore(directory());
    expect(await store.since('db-root')).toBeUndefined();
    await store.obtain('db-root', 24);
    const written = new Date('2026-02-03T04:05:06.000Z');
    await utimes(join(directory(), 'db-root'), written, written);
    expect(await store.since('db-root')).toEqual(written);
  });

  it('makes no two secrets alike', async () => {
    const store = openSecretStore(directory());
    const made = await Promise.all(Array.from({ length: 50 }, (_, index) => store.obtain(`s${index}`, 24)));
    expect(new Set(made).size).toBe(50);
  });
});

describe('a change of a secret in the store', () => {
  const CHANGE = { name: 'db-root', old: 'first-value-1', new: 'second-value-2' };
  const store = async (): Promise<SecretStore> => {
    const opened = openSecretStore(directory());
    await writeFile(join(directory(), 'db-root'), CHANGE.old, { mode: 0o600 });
    return opened;
  };

  it('keeps both values, for root alone, until it is settled', async () => {
    const opened = await store();
    await opened.begin(CHANGE);
    expect(await opened.changes()).toEqual([CHANGE]);
    expect(await opened.names()).toEqual(['db-root']);
    expect(await opened.peek('db-root')).toBe(CHANGE.old);
    expect((await stat(join(directory(), 'db-root.change'))).mode & 0o777).toBe(0o600);
    await opened.settle('db-root');
    expect(await opened.peek('db-root')).toBe(CHANGE.new);
    expect(await readdir(directory())).toEqual(['db-root']);
  });

  it('is listed by name beside others, and not what a crash left of writing it', async () => {
    const opened = await store();
    await writeFile(join(directory(), 'a-token'), 'before-1');
    await opened.begin(CHANGE);
    await opened.begin({ name: 'a-token', old: 'before-1', new: 'after-2' });
    for (const file of ['.db-root.change', 'db-root.change.0a1b.tmp', 'a.b.change']) await writeFile(join(directory(), file), '{}');
    expect((await opened.changes()).map(({ name }) => name)).toEqual(['a-token', 'db-root']);
    expect(await opened.change('a-token')).toEqual({ name: 'a-token', old: 'before-1', new: 'after-2' });
    expect(await opened.change('web-token')).toBeUndefined();
  });

  it('that never began cannot be settled, and changes nothing', async () => {
    const opened = await store();
    await opened.settle('db-root');
    expect(await opened.peek('db-root')).toBe(CHANGE.old);
  });

  it('can be turned round, and settled more than once', async () => {
    const opened = await store();
    await opened.begin(CHANGE);
    await opened.begin({ name: 'db-root', old: CHANGE.new, new: CHANGE.old });
    await opened.settle('db-root');
    await opened.settle('db-root');
    expect(await opened.peek('db-root')).toBe(CHANGE.old);
    expect(await opened.changes()).toEqual([]);
  });

  it.each([
    ['the value in force is another', { ...CHANGE, old: 'stale-value-0' }, false],
    ['a change to another value is under way', { ...CHANGE, new: 'third-value-3' }, true],
  ])('is refused when %s', async (_what, change, isBegun) => {
    const opened = await store();
    if (isBegun) await opened.begin(CHANGE);
    await expect(opened.begin(change)).rejects.toMatchObject({ code: 'INPUT_CHANGED' });
    expect(await opened.changes()).toEqual(isBegun ? [CHANGE] : []);
  });

  it.each(['', '{', '{"old":"value-of-old"}', '[]', '{"old":"value-of-old","new":7}'])(
    'is not guessed from a damaged file: %s',
    async (text) => {
      const opened = await store();
      await writeFile(join(directory(), 'db-root.change'), text);
      const error: unknown = await opened.changes().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'INPUT_INVALID', hint: expect.stringContaining('from a backup') });
      expect(String(error)).not.toContain('value-of-old');
    },
  );
});
