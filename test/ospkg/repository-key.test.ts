import { readKey } from 'openpgp';
import { describe, expect, it } from 'vitest';
import { dearmor, generateRepositoryKey, isKeyPair, publicKeyOf } from '../../src/ospkg/index.ts';

const DATE = new Date('2026-01-01T00:00:00Z');
const pairOf = (userId: string) => generateRepositoryKey({ userId, date: DATE });

describe('a key of a repository', () => {
  it('has the name of its site and its date, and does not expire', async () => {
    const pair = await pairOf('A site');
    const key = await readKey({ armoredKey: pair.publicKey });
    expect(key.getUserIDs()).toEqual(['A site']);
    expect(key.getCreationTime()).toEqual(DATE);
    expect(await key.getExpirationTime()).toBe(Infinity);
  });

  it('has halves that are told from those of another key, and from what is no key', async () => {
    const [pair, other] = [await pairOf('A site'), await pairOf('Another')];
    expect(await isKeyPair(pair)).toBe(true);
    expect(await isKeyPair({ ...pair, publicKey: other.publicKey })).toBe(false);
    expect(await isKeyPair({ ...pair, publicKey: 'none' })).toBe(false);
    expect(await isKeyPair({ ...pair, privateKey: 'none' })).toBe(false);
    expect(await publicKeyOf('none')).toBeUndefined();
    const again = await readKey({ armoredKey: (await publicKeyOf(pair.privateKey)) ?? '' });
    expect(again.getFingerprint()).toBe((await readKey({ armoredKey: pair.publicKey })).getFingerprint());
  });

  it('is the same in binary form, whatever the ends of its lines', async () => {
    const pair = await pairOf('A site');
    const binary = dearmor(pair.publicKey);
    const key = await readKey({ binaryKey: Uint8Array.from(binary) });
    expect(key.getFingerprint()).toBe((await readKey({ armoredKey: pair.publicKey })).getFingerprint());
    expect(dearmor(pair.publicKey.replaceAll(/\r?\n/g, '\r\n'))).toEqual(binary);
  });
});
