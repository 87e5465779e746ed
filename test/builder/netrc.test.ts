import { describe, expect, it } from 'vitest';
import { loginOf } from '../../src/builder/netrc.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';

function find(text: string, url = 'https://deb.example.com/debian/dists/stable/InRelease'): string | undefined {
  const login = loginOf(text, new URL(url));
  return login === undefined ? undefined : `${login.username}/${login.password}`;
}

describe('the login of a netrc file', () => {
  it.each([
    ['for a host', 'machine deb.example.com login ann password w0rd', 'ann/w0rd'],
    ['over several lines, beside accounts', 'machine deb.example.com\n  login ann\n  account x\n  password w0rd\n', 'ann/w0rd'],
    ['for a path', 'machine deb.example.com/debian login ann password w0rd', 'ann/w0rd'],
    ['for a path with a slash at its end', 'machine deb.example.com/debian/ login ann password w0rd', 'ann/w0rd'],
    ['for another path', 'machine deb.example.com/deb login ann password w0rd', undefined],
    ['for another host', 'machine example.com login ann password w0rd', undefined],
    ['for this scheme', 'machine https://deb.example.com login ann password w0rd', 'ann/w0rd'],
    ['for the other scheme', 'machine http://deb.example.com login ann password w0rd', undefined],
    ['for every host', 'machine a login b password c default login ann password w0rd', 'ann/w0rd'],
    [
      'for the first entry that fits',
      'machine deb.example.com login ann password w0rd machine deb.example.com login b password c',
      'ann/w0rd',
    ],
    ['without a password', 'machine deb.example.com login ann', undefined],
    [
      'behind comments and macros',
      '# machine x\nmacdef init\nmachine deb.example.com\nlogin m\n\nmachine deb.example.com login ann password w0rd',
      'ann/w0rd',
    ],
    ['with words in a comment', '#machine deb.example.com login x password y', undefined],
  ])('%s', (_, text, expected) => {
    expect(find(text)).toBe(expected);
  });

  it('is sent in the clear only where the file says so', () => {
    const url = 'http://deb.example.com:8080/debian';
    expect(find('machine deb.example.com:8080 login ann password w0rd', url)).toBeUndefined();
    expect(find('default login ann password w0rd', url)).toBeUndefined();
    expect(find('machine http://deb.example.com login ann password w0rd', url)).toBeUndefined();
    expect(find('machine http://deb.example.com:8080 login ann password w0rd', url)).toBe('ann/w0rd');
  });

  it.each(HOSTILE_TEXTS)('is none in %s', (_, text) => {
    expect(find(text)).toBeUndefined();
  });
});
