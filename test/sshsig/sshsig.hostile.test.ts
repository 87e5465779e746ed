import { describe, expect, it } from 'vitest';
import { parseAllowedSigners, parseRevokedKeys, parseSignature } from '../../src/sshsig/index.ts';
import { codeOf, HOSTILE_BYTES, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

const KRL_MAGIC = Buffer.from('SSHKRL\n\0');
const BLOB = Buffer.from('SSHSIG\0\0\0\x01', 'latin1');

function armored(blob: Buffer): string {
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----', ''].join('\n');
}

describe('parseSignature', () => {
  it.each(HOSTILE_TEXTS)('refuses %s, alone and in its armor', async (_, text) => {
    expect(await codeOf(() => parseSignature(text, 'SHA256SUMS.sig'))).toBe('SIGNATURE_INVALID');
    expect(await codeOf(() => parseSignature(armored(Buffer.from(text)), 'SHA256SUMS.sig'))).toBe('SIGNATURE_INVALID');
  });

  it.each(HOSTILE_BYTES)('refuses a signature whose key is %s', async (_, bytes) => {
    for (const length of [0, 1, 0x7fffffff, 0xffffffff, bytes.length]) {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(length);
      expect(await codeOf(() => parseSignature(armored(Buffer.concat([BLOB, size, bytes])), 'SHA256SUMS.sig'))).toBe('SIGNATURE_INVALID');
    }
  });
});

describe('parseAllowedSigners', () => {
  it.each(HOSTILE_TEXTS)('finds no signer in %s', async (_, text) => {
    const signers: unknown[] = [];
    const code = await codeOf(() => signers.push(...parseAllowedSigners(text, 'allowed_signers')));
    expect([undefined, 'INPUT_INVALID']).toContain(code);
    expect(signers).toEqual([]);
  });
});

describe('parseRevokedKeys', () => {
  it.each(HOSTILE_BYTES)('refuses %s, as a list of keys and as a revocation list, or finds no key in it', async (_, bytes) => {
    expect([undefined, 'INPUT_INVALID']).toContain(await codeOf(() => parseRevokedKeys(bytes, 'revoked')));
    expect(await codeOf(() => parseRevokedKeys(Buffer.concat([KRL_MAGIC, bytes]), 'revoked'))).toBe('INPUT_INVALID');
  });
});
