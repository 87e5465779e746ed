import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyTypeOf, knownKeysOf } from '../../src/ssh/index.ts';
import { fingerprintOf } from '../../src/sshsig/index.ts';
import { makeKey, type KeyPair } from '../support/ssh-server.ts';
import { processorMs, timed } from '../support/timed.ts';

const ONE = makeKey();
const OTHER = makeKey();
const RSA = makeKey('rsa');

function bytesOf(key: KeyPair): Buffer {
  return Buffer.from(key.public.split(' ')[1] ?? '', 'base64');
}

function hashed(name: string): string {
  const salt = Buffer.from('01234567890123456789');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

describe('knownKeysOf', () => {
  it.each([
    ['a plain address', `10.0.0.1 ${ONE.public}`, 22, 'known'],
    ['a comment behind the key', `10.0.0.1 ${ONE.public} root@m1`, 22, 'known'],
    ['one of several names', `m1,10.0.0.1 ${ONE.public}`, 22, 'known'],
    ['a port of its own', `[10.0.0.1]:2222 ${ONE.public}`, 2222, 'known'],
    ['the usual port for another port', `10.0.0.1 ${ONE.public}`, 2222, 'unknown'],
    ['another port for the usual port', `[10.0.0.1]:2222 ${ONE.public}`, 22, 'unknown'],
    ['a hashed address', `${hashed('10.0.0.1')} ${ONE.public}`, 22, 'known'],
    ['a hashed address with port', `${hashed('[10.0.0.1]:2222')} ${ONE.public}`, 2222, 'known'],
    ['a hash of another address', `${hashed('10.0.0.2')} ${ONE.public}`, 22, 'unknown'],
    ['a wildcard', `10.0.?.* ${ONE.public}`, 22, 'known'],
    ['a negated wildcard', `10.0.*,!10.0.0.1 ${ONE.public}`, 22, 'unknown'],
    ['another key', `10.0.0.1 ${OTHER.public}`, 22, 'changed'],
    ['a key of another type', `10.0.0.1 ${RSA.public}`, 22, 'changed'],
    ['several keys, one of which fits', `10.0.0.1 ${RSA.public}\n10.0.0.1 ${OTHER.public}\n10.0.0.1 ${ONE.public}`, 22, 'known'],
    ['a revoked key', `10.0.0.1 ${ONE.public}\n@revoked * ${ONE.public}`, 22, 'revoked'],
    ['another revoked key', `10.0.0.1 ${ONE.public}\n@revoked * ${OTHER.public}`, 22, 'known'],
    ['a certificate authority', `@cert-authority * ${ONE.public}`, 22, 'unknown'],
    ['a comment', `# 10.0.0.1 ${ONE.public}`, 22, 'unknown'],
    ['a type that is not the key’s', `10.0.0.1 ssh-rsa ${ONE.public.split(' ')[1]}`, 22, 'unknown'],
    ['lines that are cut', `10.0.0.1\n10.0.0.1 ssh-ed25519\n\n10.0.0.1 ssh-ed25519 AAAA`, 22, 'unknown'],
    ['nothing', '', 22, 'unknown'],
  ])('judges %s', (_what, text, port, verdict) => {
    expect(knownKeysOf(text, '10.0.0.1', port).judge(bytesOf(ONE))).toBe(verdict);
  });

  it('lists the types on file once each, without revoked keys', () => {
    const text = `10.0.0.1 ${RSA.public}\n10.0.0.1 ${ONE.public}\n10.0.0.1 ${OTHER.public}\n@revoked 10.0.0.1 ${makeKey('ecdsa').public}\n`;
    expect(knownKeysOf(text, '10.0.0.1', 22).types).toEqual(['ssh-rsa', 'ssh-ed25519']);
  });

  timed('is not slowed down by a hostile pattern', async () => {
    const text = `${'*a'.repeat(200)}b ${ONE.public}\n`;
    expect(await processorMs(() => knownKeysOf(text, 'a'.repeat(250), 22).judge(bytesOf(ONE)))).toBeLessThan(2000);
  });
});

describe('keyTypeOf', () => {
  it('reads the first field, and nothing past the end', () => {
    expect(keyTypeOf(bytesOf(RSA))).toBe('ssh-rsa');
    expect(keyTypeOf(Buffer.from([0, 0, 1, 0, 65]))).toBeUndefined();
    expect(keyTypeOf(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('fingerprintOf', () => {
  it('has no padding', () => {
    expect(fingerprintOf(bytesOf(ONE))).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });
});
