import { describe, expect, it } from 'vitest';
import { signRelease } from '../../../src/ospkg/apt/sign-repo.ts';
import { generateRepositoryKey } from '../../../src/ospkg/index.ts';
import { verifyDetachedRelease, verifyInRelease } from '../../../src/ospkg/release-signature.ts';

const DATE = new Date('2026-11-20T02:03:04Z');
const RELEASE = 'Origin: Caisson\nCodename: bookworm\nSHA256:\n 00 1 main/binary-amd64/Packages\n- dashed\n';
const keys = generateRepositoryKey({ userId: 'Caisson test', date: DATE });

describe('signRelease', () => {
  it('makes signatures that our own reader accepts', async () => {
    const { privateKey, publicKey } = await keys;
    const { inRelease, signature } = await signRelease(RELEASE, privateKey, DATE);
    const options = { keyring: Buffer.from(publicKey), now: DATE, what: 'test' };
    const told = { signedAt: DATE, weakness: undefined };
    expect(await verifyInRelease(Buffer.from(inRelease), options)).toEqual({ text: RELEASE.trimEnd(), ...told });
    expect(await verifyDetachedRelease(Buffer.from(RELEASE), Buffer.from(signature), options)).toEqual({ text: RELEASE, ...told });
  });

  it('gives the same bytes for the same text, key and date, and others for another date', async () => {
    const { privateKey } = await keys;
    const first = await signRelease(RELEASE, privateKey, DATE);
    expect(await signRelease(RELEASE, privateKey, DATE)).toEqual(first);
    expect(await signRelease(RELEASE, privateKey, new Date(DATE.getTime() + 1000))).not.toEqual(first);
  });

  it('keeps the lines of the file, with line feeds alone', async () => {
    const { inRelease, signature } = await signRelease(RELEASE, (await keys).privateKey, DATE);
    expect(inRelease).not.toContain('\r');
    expect(signature).not.toContain('\r');
    expect(inRelease).toContain(
      '\n\nOrigin: Caisson\nCodename: bookworm\nSHA256:\n 00 1 main/binary-amd64/Packages\n- - dashed\n-----BEGIN',
    );
  });
});

describe('generateRepositoryKey', () => {
  it('makes a new key each time, armored', async () => {
    const other = await generateRepositoryKey({ userId: 'Caisson test', date: DATE });
    expect(other.publicKey).toMatch(/^-----BEGIN PGP PUBLIC KEY BLOCK-----\n/);
    expect(other.privateKey).toMatch(/^-----BEGIN PGP PRIVATE KEY BLOCK-----\n/);
    expect(other.publicKey).not.toBe((await keys).publicKey);
  });
});
