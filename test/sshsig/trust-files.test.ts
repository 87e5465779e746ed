import { describe, expect, it } from 'vitest';
import { CaissonError, InvalidInputError } from '../../src/core/index.ts';
import { parseAllowedSigners, parseRevokedKeys } from '../../src/sshsig/index.ts';
import { keyLine, memorySigner } from '../support/signing-keys.ts';

const KEY = keyLine(memorySigner(), '');

function problemsOf(work: () => unknown): readonly string[] {
  try {
    work();
    return [];
  } catch (error) {
    if (!(error instanceof InvalidInputError)) {
      if (error instanceof CaissonError && error.code === 'INPUT_INVALID') return [error.message];
      throw error;
    }
    return error.problems.map(({ position, reason }) => `${position?.line}:${position?.column} ${reason}`);
  }
}

describe('allowed_signers', () => {
  it.each<[string, string]>([
    ['alice', '1:1 want PRINCIPALS [OPTIONS] TYPE KEY'],
    [`"alice ${KEY}`, '1:1 want PRINCIPALS [OPTIONS] TYPE KEY'],
    [`alice cert-authority ${KEY}`, '1:7 "cert-authority" is not supported'],
    [`alice namespaces="git",cert-authority ${KEY}`, '1:24 "cert-authority" is not supported'],
    [`alice namespaces="git",namespaces="git" ${KEY}`, '1:24 option "namespaces" is there twice'],
    [`alice namespaces="" ${KEY}`, '1:7 option "namespaces" is empty'],
    [`alice namespaces="git"${KEY}`, '1:7 want a space behind the options'],
    [`alice no-touch-required ${KEY}`, '1:7 want a public key, or an option'],
    [`alice valid-after="20260230" ${KEY}`, '1:7 "20260230" is not a time that there is'],
    [`alice valid-after="2026" ${KEY}`, '1:7 "2026" is not a time: write'],
    [`alice valid-after="20260301",valid-before="20260301" ${KEY}`, '1:7 it ends before it begins'],
    ['alice ssh-ed25519', '1:7 its key is not base64'],
    ['alice ssh-ed25519 AAAA', '1:7 it ends early'],
    ['alice ssh-ed25519 AAA*', '1:7 its key is not base64'],
    [`alice ssh-rsa ${KEY.split(' ')[1]}`, '1:7 it says "ssh-rsa", and its key is of type "ssh-ed25519"'],
    [`alice namespaces="git"`, '1:7 want a space behind the options'],
    [`alice namespaces="git" ssh-ed25519-cert-v01@openssh.com AAAA`, '1:24 "ssh-ed25519-cert-v01@openssh.com" is no kind of public key'],
  ])('%s: a mistake with its place', (line, problem) => {
    expect(problemsOf(() => parseAllowedSigners(`${line}\n`, 'allowed'))).toEqual([expect.stringContaining(problem)]);
  });

  it('reports every mistake, and reads nothing of a file that has one', () => {
    expect(problemsOf(() => parseAllowedSigners(`a ${KEY}\n\n # fine\n  b nonsense\nc cert-authority ${KEY}\n`, 'allowed'))).toEqual([
      expect.stringContaining('4:5 '),
      expect.stringContaining('5:3 '),
    ]);
  });

  it('may be empty, have comments, carriage returns and no last line feed', () => {
    expect(parseAllowedSigners('', 'allowed')).toEqual([]);
    expect(parseAllowedSigners(`# comment\r\n\ta\t${KEY} somebody\r\n*,!b ${KEY}`, 'allowed').map(({ principals }) => principals)).toEqual([
      'a',
      '*,!b',
    ]);
  });
});

describe('keys of other kinds', () => {
  const blob = Buffer.concat([Buffer.from('00000013', 'hex'), Buffer.from('ecdsa-sha2-nistp256'), Buffer.alloc(8)]).toString('base64');

  it('may stand in both files, and are nobody here', () => {
    expect(parseAllowedSigners(`a ecdsa-sha2-nistp256 ${blob}\nb ${KEY}\n`, 'allowed').map(({ principals }) => principals)).toEqual(['b']);
    expect(parseRevokedKeys(Buffer.from(`ecdsa-sha2-nistp256 ${blob}\n${KEY}\n`), 'revoked')(memorySigner().key)).toBe(true);
    expect(problemsOf(() => parseAllowedSigners(`a ssh-dss ${blob}\n`, 'allowed'))).toEqual([expect.stringContaining('it says "ssh-dss"')]);
  });

  it('and RSA keys that are too short do not count', () => {
    const string = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, bytes.length >> 8, bytes.length & 0xff]), bytes]);
    const rsa = Buffer.concat([string(Buffer.from('ssh-rsa')), string(Buffer.of(1, 0, 1)), string(Buffer.alloc(128, 0x7f))]);
    expect(problemsOf(() => parseAllowedSigners(`a ssh-rsa ${rsa.toString('base64')}\n`, 'allowed'))).toEqual([
      expect.stringContaining('its RSA key has 1024 bits, want at least 2048'),
    ]);
  });
});

describe('a list of revoked keys', () => {
  it.each<[string, string]>([
    [`${KEY}\nwhatever\n`, '2:1 "whatever" is no kind of public key'],
    [' ssh-ed25519 AAAA\n', '1:2 it ends early'],
    [keyLine(memorySigner(), 'alice'), '1:1 "alice" is no kind'],
  ])('with a line that is no key is refused, with its place', (text, problem) => {
    expect(problemsOf(() => parseRevokedKeys(Buffer.from(text), 'revoked'))).toEqual([expect.stringContaining(problem)]);
  });

  it.each<[string, Buffer, string]>([
    ['of another version', krl(2), 'it is of version 2, known is 1'],
    ['with a signature', krl(1, section(4, Buffer.alloc(0))), 'it is signed, which is not supported'],
    ['with an extension', krl(1, section(255, Buffer.alloc(9))), 'it has a section of type 255'],
    [
      'with a fingerprint of a wrong length',
      krl(1, section(5, Buffer.from('0000000101', 'hex'))),
      'a fingerprint in it has 1 bytes, want 32',
    ],
    ['that promises gigabytes', krl(1, Buffer.from('02ffffffff', 'hex')), 'it ends early'],
  ])('in binary form %s is refused', (_, bytes, reason) => {
    expect(problemsOf(() => parseRevokedKeys(bytes, 'revoked'))).toEqual([expect.stringContaining(reason)]);
  });
});

function krl(version: number, ...sections: readonly Buffer[]): Buffer {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(version);
  return Buffer.concat([Buffer.from('SSHKRL\n\0', 'latin1'), number, Buffer.alloc(24 + 8), ...sections]);
}

function section(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(type);
  head.writeUInt32BE(data.length, 1);
  return Buffer.concat([head, data]);
}
