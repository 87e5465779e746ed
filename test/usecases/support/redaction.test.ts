import { describe, expect, it } from 'vitest';
import { redactionOf } from '../../../src/usecases/support/redaction.ts';

const SECRET = 'wZ8/q+4?kL2m';
const withoutSecrets = redactionOf([SECRET, `${SECRET}longer`, 'short\n', 'tiny']);

describe('redactionOf', () => {
  it.each([
    ['itself', SECRET],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64 for URLs', Buffer.from(SECRET).toString('base64url')],
    ['percent encoding', encodeURIComponent(SECRET)],
    ['another secret that begins with it', `${SECRET}longer`],
  ])('takes a secret out as %s', (_, text) => {
    expect(withoutSecrets(`before ${text} behind ${text}`)).toBe('before *** behind ***');
  });

  it('leaves words that are as short as a secret never is', () => {
    expect(withoutSecrets('a tiny short word')).toBe('a tiny short word');
  });

  it('takes private keys out, and the rest of a text that ends inside one', () => {
    const key = (name: string): string => `-----BEGIN ${name}-----\nMIIB\n-----END ${name}-----`;
    expect(withoutSecrets(`a\n${key('EC PRIVATE KEY')}\nb\n${key('CERTIFICATE')}`)).toBe(
      `a\n*** (EC PRIVATE KEY)\nb\n${key('CERTIFICATE')}`,
    );
    expect(withoutSecrets('a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza')).toBe('a\n*** (OPENSSH PRIVATE KEY)');
  });

  it('takes out credentials that it does not know', () => {
    expect(withoutSecrets('https://user:word@host/ Authorization: Bearer abc')).toBe('https://***@host/ Authorization: Bearer ***');
  });
});
