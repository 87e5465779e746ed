import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSecretStore } from '../../src/site/secret-store.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caisson-secrets-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('openSecretStore', () => {
  it('makes a secret once and gives the same one ever after', async () => {
    const first = await openSecretStore(directory).obtain('db-root', 24);
    expect(first).toMatch(/^[A-Za-z0-9]{24}$/);
    expect(await openSecretStore(directory).obtain('db-root', 24)).toBe(first);
  });

  it('makes nothing when it is only asked what there is', async () => {
    expect(await openSecretStore(directory).peek('db-root')).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
  });

  it('keeps each in a file that only its owner can read', async () => {
    const inner = join(directory, 'secrets');
    await openSecretStore(inner).obtain('db-root', 24);
    expect((await stat(join(inner, 'db-root'))).mode & 0o777).toBe(0o600);
    expect((await stat(inner)).mode & 0o777).toBe(0o700);
  });

  it('refuses a name that would leave its directory', async () => {
    await expect(openSecretStore(directory).obtain('../escaped', 24)).rejects.toThrow('escaped');
  });
});
