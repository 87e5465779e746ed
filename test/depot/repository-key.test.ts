import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeRepositoryKey, obtainRepositoryKey, peekRepositoryKey, type RepositoryKeyPaths } from '../../src/depot/index.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();

function paths(): RepositoryKeyPaths {
  return { privateKey: join(directory(), 'keys/repository.key'), publicKey: join(directory(), 'keys/repository.asc') };
}

describe('obtainRepositoryKey', () => {
  it('makes a key once and gives the same one to later runs', async () => {
    expect(await peekRepositoryKey(paths())).toBeUndefined();
    const made = await obtainRepositoryKey(paths());
    expect(await obtainRepositoryKey(paths())).toEqual(made);
    expect(await peekRepositoryKey(paths())).toEqual(made);
    expect((await stat(paths().privateKey)).mode & 0o777).toBe(0o600);
    expect((await stat(paths().publicKey)).mode & 0o777).toBe(0o644);
  });

  it('derives a lost public key again, which is the one that hosts trust', async () => {
    const made = await obtainRepositoryKey(paths());
    await rm(paths().publicKey);
    expect(await peekRepositoryKey(paths())).toBeUndefined();
    expect(await obtainRepositoryKey(paths())).toEqual(made);
    expect(await readFile(paths().publicKey, 'utf8')).toBe(made.publicKey);
  });

  it('refuses a lost private key, and replaces nothing', async () => {
    const made = await obtainRepositoryKey(paths());
    await rm(paths().privateKey);
    await expect(obtainRepositoryKey(paths())).rejects.toMatchObject({
      code: 'CERTIFICATE_INVALID',
      message: expect.stringContaining('repository.key" is missing'),
      hint: expect.stringContaining('backup'),
    });
    expect(await readFile(paths().publicKey, 'utf8')).toBe(made.publicKey);
  });

  it('refuses the private key of another pair, and a text that is no key', async () => {
    await obtainRepositoryKey(paths());
    for (const text of [(await makeRepositoryKey()).privateKey, 'nonsense']) {
      await writeFile(paths().privateKey, text);
      await expect(obtainRepositoryKey(paths())).rejects.toMatchObject({
        code: 'CERTIFICATE_INVALID',
        message: expect.stringContaining('is not its private key'),
      });
    }
    await rm(paths().publicKey);
    await expect(obtainRepositoryKey(paths())).rejects.toThrow(/is not an OpenPGP private key/);
  });

  it('refuses a private key that others can read', async () => {
    await obtainRepositoryKey(paths());
    await chmod(paths().privateKey, 0o640);
    await expect(obtainRepositoryKey(paths())).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
  });
});
