import { describe, expect, it } from 'vitest';
import {
  checkSignature,
  fingerprintOf,
  parseSignature,
  SIGNATURE_BEGIN,
  SIGNATURE_END,
  signDetached,
  wireString,
} from '../../src/sshsig/index.ts';
import { memorySigner } from '../support/signing-keys.ts';
import fc from '../support/fast-check.ts';

const MESSAGE = Buffer.from('what is signed\n');
const signer = memorySigner();

/** The parts of a signature, each of which a test may change. */
interface Parts {
  readonly magic?: string;
  readonly version?: number;
  readonly key?: Buffer;
  readonly namespace?: string;
  readonly reserved?: string;
  readonly hash?: string;
  readonly inner?: Buffer;
  readonly end?: string;
}

function made({ magic = 'SSHSIG', version = 1, key = signer.key.blob, namespace = 'caisson-bundle', ...rest }: Parts): string {
  const { reserved = '', hash = 'sha512', inner = innerOf('ssh-ed25519'), end = '' } = rest;
  const number = Buffer.alloc(4);
  number.writeUInt32BE(version);
  const fields = [key, namespace, reserved, hash, inner].map(wireString);
  const text = Buffer.concat([Buffer.from(magic), number, ...fields, Buffer.from(end)]).toString('base64');
  return [SIGNATURE_BEGIN, ...(text.match(/.{1,70}/g) ?? []).map((line) => `${line}\n`), SIGNATURE_END].join('');
}

function innerOf(algorithm: string, more = ''): Buffer {
  return Buffer.concat([wireString(algorithm), wireString(Buffer.alloc(64)), Buffer.from(more)]);
}

describe('a detached signature', () => {
  it('is taken apart to what was signed', async () => {
    const text = await signDetached(signer, 'caisson-bundle', MESSAGE);
    const { bytes, ...parsed } = parseSignature(text, 'it');
    expect(parsed).toEqual({ key: signer.key, namespace: 'caisson-bundle', hash: 'sha512', algorithm: 'ssh-ed25519' });
    expect(bytes.byteLength).toBe(64);
    const lines = text.split('\n');
    expect([lines[0], lines.at(-2), lines.at(-1)]).toEqual(['-----BEGIN SSH SIGNATURE-----', '-----END SSH SIGNATURE-----', '']);
    expect(lines.slice(1, -3).map((line) => line.length)).toEqual(lines.slice(1, -3).map(() => 70));
  });

  it('holds for its bytes and its purpose, and for no others', async () => {
    const signature = parseSignature(await signDetached(signer, 'caisson-bundle', MESSAGE), 'it');
    expect(() => checkSignature(signature, 'caisson-bundle', MESSAGE, 'it')).not.toThrow();
    expect(() => checkSignature(signature, 'caisson-receipt', MESSAGE, 'it')).toThrow(
      'Cannot trust it: it is a signature for "caisson-bundle", want "caisson-receipt"',
    );
    const reason = `Cannot trust it: key ${signer.key.fingerprint} did not sign these bytes`;
    expect(() => checkSignature(signature, 'caisson-bundle', Buffer.from('other'), 'it')).toThrow(reason);
    expect(() => checkSignature({ ...signature, hash: 'sha256' }, 'caisson-bundle', MESSAGE, 'it')).toThrow(reason);
    const stranger = { ...signature, key: memorySigner(2).key };
    expect(() => checkSignature(stranger, 'caisson-bundle', MESSAGE, 'it')).toThrow('did not sign these bytes');
    const unknown = { ...signature, algorithm: 'unknown', bytes: Buffer.alloc(64) };
    expect(() => checkSignature(unknown, 'caisson-bundle', MESSAGE, 'it')).toThrow('did not sign these bytes');
  });

  it('holds no longer when any bit of it is another', async () => {
    const text = await signDetached(signer, 'caisson-bundle', MESSAGE);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(6), (place, bit) => {
        const bytes = Buffer.from(text);
        bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << bit), place);
        expect(() => checkSignature(parseSignature(bytes.toString('latin1'), 'it'), 'caisson-bundle', MESSAGE, 'it')).toThrow(
          expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
        );
      }),
    );
  });

  it.each<readonly [string, Parts, string]>([
    ['other bytes at its beginning', { magic: 'SSHSIX' }, 'it is no SSH signature'],
    ['another version', { version: 2 }, 'it is of version 2, known is 1'],
    ['a key of another type', { key: wireString('ssh-dss') }, 'keys of type "ssh-dss" are not supported'],
    ['an empty name', { namespace: '' }, 'a name in it is empty or not printable'],
    ['a space in a name', { namespace: 'a b' }, 'a name in it is empty or not printable'],
    ['a line feed behind a name', { namespace: 'a\n' }, 'a name in it is empty or not printable'],
    ['a name without end', { namespace: 'a'.repeat(101) }, 'a name in it is empty or not printable'],
    ['a reserved field', { reserved: 'x' }, 'its reserved field is not empty'],
    ['a weak hash', { hash: 'sha1' }, 'it uses the hash "sha1", known are sha256 and sha512'],
    ['bytes behind its end', { end: 'x' }, 'bytes follow its end'],
    ['bytes behind the signature in it', { inner: innerOf('ssh-ed25519', 'x') }, 'bytes follow its end'],
    ['an algorithm of another key', { inner: innerOf('rsa-sha2-512') }, 'it uses "rsa-sha2-512", which is nothing for a key of type'],
    ['an algorithm that every object has', { inner: innerOf('constructor') }, 'it uses "constructor", which is nothing for a key of type'],
  ])('with %s is refused', (_, parts, reason) => {
    expect(() => parseSignature(made(parts), 'SHA256SUMS.sig')).toThrow(
      expect.objectContaining({ code: 'SIGNATURE_INVALID', message: expect.stringContaining(`Cannot use SHA256SUMS.sig: ${reason}`) }),
    );
  });

  it('may have any hash that ssh-keygen makes, and names of one to a hundred characters', () => {
    for (const hash of ['sha256', 'sha512']) expect(parseSignature(made({ hash }), 'it').hash).toBe(hash);
    for (const namespace of ['~', '!', 'a'.repeat(100)]) expect(parseSignature(made({ namespace }), 'it').namespace).toBe(namespace);
  });

  it.each<readonly [string, (text: string) => string, string]>([
    ['nothing before it', (text) => `\n${text}`, 'it is not text between'],
    ['nothing behind it', (text) => `${text}\n`, 'it is not text between'],
    ['its last line feed', (text) => text.slice(0, -1), 'it is not text between'],
    ['its last line', (text) => text.replace(SIGNATURE_END, ''), 'it is not text between'],
    ['lines of one length', (text) => text.replace('\n', '\n\n'), 'it is not base64 in lines of 70'],
    ['base64 in it', (text) => text.replace('U1NI', 'U1N*'), 'it is not base64 in lines of 70'],
    ['line feeds alone', (text) => text.replaceAll('\n', '\r\n'), 'it is not text between'],
  ])('is refused where it has not %s', (_, change, reason) => {
    expect(() => parseSignature(change(made({})), 'it')).toThrow(reason);
  });
});

describe('fingerprintOf', () => {
  it('is as ssh-keygen prints it', () => {
    expect(fingerprintOf(signer.key.blob)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(fingerprintOf(Buffer.from('a'))).toBe('SHA256:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs');
  });
});
