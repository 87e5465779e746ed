import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CaissonError, InvalidInputError } from '../../src/core/index.ts';
import { findSigner, parseAllowedSigners, parseRevokedKeys, wireString, type AllowedSigner } from '../../src/sshsig/index.ts';
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
    ['alice cert-authority', '1:7 "cert-authority" is not supported'],
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

describe('an allowed signer', () => {
  const { key } = memorySigner();
  const at = (time: string): Date => new Date(time);

  it.each<[string, Partial<AllowedSigner>]>([
    [`alice ${KEY}`, { principals: 'alice' }],
    [`"alice bob" ${KEY}`, { principals: 'alice bob' }],
    [`a\rb ${KEY}\r`, { principals: 'a\rb' }],
    [`alice NAMESPACES="git" ${KEY}`, { namespaces: 'git' }],
    [String.raw`alice namespaces="a\"b,c" ${KEY}`, { namespaces: 'a"b,c' }],
    [
      `alice valid-before="20270101Z",namespaces="git",valid-after="20260101Z"\t${KEY}`,
      { namespaces: 'git', validAfter: at('2026-01-01T00:00:00Z'), validBefore: at('2027-01-01T00:00:00Z') },
    ],
  ])('is read from: %s', (line, wanted) => {
    const none = { principals: 'alice', place: 'allowed:1', key, namespaces: undefined, validAfter: undefined, validBefore: undefined };
    expect(parseAllowedSigners(line, 'allowed')).toEqual([{ ...none, ...wanted }]);
  });

  it('is found by its key, for its purposes, from its first second to its last', () => {
    const signers = parseAllowedSigners(
      [
        `other ${keyLine(memorySigner(2), '')}`,
        `git namespaces="git" ${KEY}`,
        `dated valid-after="20260101Z",valid-before="20260102Z",namespaces="caisson-*" ${KEY}`,
      ].join('\n'),
      'allowed',
    );
    const found = (namespace: string, time: string, signer = memorySigner()) =>
      findSigner(signers, { key: signer.key, namespace, at: at(time) })?.principals;
    expect(found('git', '2020-01-01T00:00:00Z')).toBe('git');
    expect(found('anything', '2020-01-01T00:00:00Z', memorySigner(2))).toBe('other');
    expect(found('git', '2020-01-01T00:00:00Z', memorySigner(3))).toBeUndefined();
    expect(found('svn', '2026-01-01T12:00:00Z')).toBeUndefined();
    const times = ['2025-12-31T23:59:59.999Z', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00.999Z', '2026-01-02T00:00:01Z'];
    expect(times.map((time) => found('caisson-bundle', time))).toEqual([undefined, 'dated', 'dated', undefined]);
  });

  it('is not read from a line that is too long, and not from too many mistakes', () => {
    const comment = (length: number) => `alice ${KEY} ${'x'.repeat(length - KEY.length - 'alice '.length - 1)}`;
    expect(parseAllowedSigners(comment(8192), 'allowed')).toHaveLength(1);
    expect(problemsOf(() => parseAllowedSigners(comment(8193), 'allowed'))).toEqual(['1:1 it has 8193 characters, at most 8192 are read']);
    expect(problemsOf(() => parseAllowedSigners('x\n'.repeat(300), 'allowed'))).toHaveLength(200);
    expect(problemsOf(() => parseRevokedKeys(Buffer.from('x\n'.repeat(300)), 'revoked'))).toHaveLength(200);
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

describe('keys that are revoked', () => {
  const { key } = memorySigner();
  const hash = (algorithm: string): Buffer => createHash(algorithm).update(key.blob).digest();

  it.each<[string, Buffer, boolean]>([
    ['a list', Buffer.from(`# gone\r\n\n  ${KEY} comment\r\n`), true],
    ['a list of others', Buffer.from(keyLine(memorySigner(2), '')), false],
    ['an empty list', Buffer.from(''), false],
    ['an empty revocation list', krl(1), false],
    ['a revocation list', krl(1, section(2, wireString(key.blob))), true],
    ['a revocation list of SHA-1', krl(1, section(3, wireString(hash('sha1')))), true],
    ['a revocation list of SHA-256', krl(1, section(5, wireString(hash('sha256')))), true],
    ['the last of many', krl(1, section(5, Buffer.concat([wireString(Buffer.alloc(32)), wireString(hash('sha256'))]))), true],
    ['a section behind one of certificates', krl(1, section(1, Buffer.alloc(9)), section(2, wireString(key.blob))), true],
    [
      'a revocation list of others',
      krl(1, section(2, wireString(memorySigner(2).key.blob)), section(3, wireString(Buffer.alloc(20)))),
      false,
    ],
  ])('stand in %s, or do not', (_, bytes, isRevoked) => {
    expect(parseRevokedKeys(bytes, 'revoked')(key)).toBe(isRevoked);
  });

  it('are listed by a program where a line is a rule and no key', () => {
    const remedies = ['serial: 1', 'sha256: x', 'whatever'].map((line) => {
      try {
        parseRevokedKeys(Buffer.from(line), 'revoked');
      } catch (error) {
        if (error instanceof InvalidInputError) return error.problems[0]?.remedy;
      }
      throw new Error('it is no list');
    });
    expect(remedies).toEqual([...Array<string>(2).fill('make a list from it: ssh-keygen -k -f LIST FILE'), undefined]);
  });

  it('are looked at with ssh-keygen where the list is damaged', () => {
    expect(() => parseRevokedKeys(krl(3), '/etc/revoked')).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', hint: 'Look at it with: ssh-keygen -Q -l -f /etc/revoked' }),
    );
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
