import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSignedInVersion3, packetVersion } from '../../../src/ospkg/rpm/signature-v3.ts';

const ID = '0123456789abcdef';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
const key = (id: string) => ({
  keyPacket: { publicParams: { n: new Uint8Array(Buffer.from(n, 'base64url')), e: new Uint8Array(Buffer.from(e, 'base64url')) } },
  getKeyID: () => ({ toHex: () => id }),
});
const keys = [{ getKeys: () => [key(ID)] }];
const content = Buffer.from('header and payload');

/** A signature packet of version 3 (RFC 4880, 5.2.2), in the old form of its header. */
function packet({ algorithm = 1, digest = 8, type = 0 } = {}): Buffer {
  const hashed = Buffer.from([type, 0x5e, 0x00, 0x00, 0x01]);
  const signature = sign('sha256', Buffer.concat([content, hashed]), privateKey);
  const bits = Buffer.alloc(2);
  bits.writeUInt16BE(signature.byteLength * 8 - Math.clz32(signature[0] ?? 0) + 24);
  const body = Buffer.concat([
    Buffer.from([3, 5]),
    hashed,
    Buffer.from(ID, 'hex'),
    Buffer.from([algorithm, digest, 0, 0]),
    bits,
    signature,
  ]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.byteLength);
  return Buffer.concat([Buffer.from([0x89]), length, body]);
}

describe('a signature of version 3', () => {
  it('is believed when a key of the keyring made it', () => {
    expect(packetVersion(packet())).toBe(3);
    expect(isSignedInVersion3(packet(), content, keys)).toBe(true);
  });

  it.each([
    ['other content', packet(), Buffer.from('other'), keys],
    ['no key', packet(), content, []],
    ['another key', packet(), content, [{ getKeys: () => [key('fedcba9876543210')] }]],
    ['SHA-1', packet({ digest: 2 }), content, keys],
    ['another algorithm', packet({ algorithm: 17 }), content, keys],
    ['a signature of text', packet({ type: 1 }), content, keys],
  ])('is refused with %s', (_, bytes, signed, ring) => {
    expect(isSignedInVersion3(bytes, signed, ring)).toBe(false);
  });

  it('is refused with any bit changed that it depends on, and cut short anywhere', () => {
    const bytes = packet();
    for (let at = 8; at < bytes.byteLength; at += 1) {
      // The two bytes that only tell signatures apart quickly.
      if (at === 20 || at === 21) continue;
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x40, at);
      expect(isSignedInVersion3(changed, content, keys), String(at)).toBe(false);
    }
    for (let length = 0; length < bytes.byteLength; length += 1)
      expect(isSignedInVersion3(bytes.subarray(0, length), content, keys)).toBe(false);
  });
});
