import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSecretStore } from '../../src/site/index.ts';
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

  it('makes no two secrets alike', async () => {
    const store = openSecretStore(directory());
    const made = await Promise.all(Array.from({ length: 50 }, (_, index) => store.obtain(`s${index}`, 24)));
    expect(new Set(made).size).toBe(50);
  });
});
