import { describe, expect, it } from 'vitest';
import { mirroredUrl, parseMirrors } from '../../src/builder/mirrors.ts';

describe('parseMirrors', () => {
  it('reads HOST=URL, with the host in lower case and no slash at the end', () => {
    expect([...parseMirrors(['Docker.io=http://127.0.0.1:5001/', 'registry.example:5000=https://mirror.example/path'])]).toEqual([
      ['docker.io', 'http://127.0.0.1:5001'],
      ['registry.example:5000', 'https://mirror.example/path'],
    ]);
  });

  it.each([
    'docker.io',
    '=http://a',
    'docker.io=',
    'docker.io=ftp://a',
    'docker.io=http://user:secret@a',
    'docker.io=http://a/?x=1',
    'a/b=http://c',
  ])('refuses %s', (value) => {
    expect(() => parseMirrors([value])).toThrow(/Cannot use --mirror/);
  });

  it('names every wrong value and every repeated host at once', () => {
    expect(() => parseMirrors(['one', 'a=http://b', 'a=http://c', 'two'])).toThrow(/"one".*second mirror of "a".*"two"/);
  });
});

describe('mirroredUrl', () => {
  const mirrors = parseMirrors(['packages.example=http://127.0.0.1:8080/cache', 'ported.example:8443=https://m.example']);

  it.each([
    ['http://packages.example/debian/dists/bookworm/InRelease', 'http://127.0.0.1:8080/cache/debian/dists/bookworm/InRelease'],
    ['https://ported.example:8443/x', 'https://m.example/x'],
    ['https://ported.example/x', 'https://ported.example/x'],
    ['http://other.example/pool/a+b%3a1.deb', 'http://other.example/pool/a+b%3a1.deb'],
    ['http://packages.example/pool/a+b~1.deb', 'http://127.0.0.1:8080/cache/pool/a+b~1.deb'],
  ])('asks for %s at %s', (url, asked) => {
    expect(mirroredUrl(url, mirrors)).toBe(asked);
  });
});
