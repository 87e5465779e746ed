import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { wireString } from './wire.ts';

/** A key pair in the forms that `ssh-keygen -t ed25519` writes. */
export interface SshKeyPair {
  /** OpenSSH private key without a passphrase. */
  readonly private: string;
  /** `ssh-ed25519 BASE64 COMMENT` and a line feed. */
  readonly public: string;
}

const TYPE = 'ssh-ed25519';
/** Length of a block of the cipher `none` (OpenSSH, PROTOCOL.key, section 3). */
const BLOCK = 8;
const LINE = 70;

/** Makes an Ed25519 key pair. `comment` is one line that says whose key it is. */
export function makeSshKeyPair(comment: string): SshKeyPair {
  // Both parts have 32 bytes in this form, also those that begin with zeros.
  const { d = '', x = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const [secret, open] = [Buffer.from(d, 'base64url'), Buffer.from(x, 'base64url')];
  const blob = Buffer.concat([wireString(TYPE), wireString(open)]);
  const check = randomBytes(4);
  const fields = [check, check, wireString(TYPE), wireString(open), wireString(Buffer.concat([secret, open])), wireString(comment)];
  const length = fields.reduce((sum, field) => sum + field.length, 0);
  const padding = Buffer.from(Array.from({ length: (BLOCK - (length % BLOCK)) % BLOCK }, (_, index) => index + 1));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(wireString),
    Buffer.from([0, 0, 0, 1]),
    wireString(blob),
    wireString(Buffer.concat([...fields, padding])),
  ]);
  const lines = body.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return {
    private: ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n'),
    public: `${TYPE} ${blob.toString('base64')} ${comment}\n`,
  };
}
