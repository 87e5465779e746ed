import { describe, expect, it } from 'vitest';
import { decodePath, isPlainPath, splitTarget } from '../../src/server/path.ts';

describe('splitTarget', () => {
  it.each([
    ['/a/b?c=d?e', '/a/b', 'c=d?e'],
    ['http://host:5000/a?b', '/a', 'b'],
    ['https://host', '/', ''],
    ['', '/', ''],
    ['//host/a', '//host/a', ''],
  ])('splits %s', (target, path, query) => {
    expect(splitTarget(target)).toEqual({ path, query });
  });
});

describe('decodePath', () => {
  it('decodes once, not twice', () => {
    expect(decodePath('/a%3ab')).toBe('/a:b');
    expect(decodePath('/a%253ab')).toBe('/a%3ab');
    expect(decodePath('/%252e%252e/')).toBe('/%2e%2e/');
  });

  it.each(['/%', '/%zz', '/%ff', '/a%00b', '/a%0ab'])('refuses %s', (path) => {
    expect(decodePath(path)).toBeUndefined();
  });
});

describe('isPlainPath', () => {
  it.each(['..', '.', '', 'a//b', 'a/../b', 'a/.', '/a', 'a/'])('refuses %j', (path) => {
    expect(isPlainPath(path)).toBe(false);
  });

  it.each(['a', 'a/b', '...', '..a', 'a/b~c+d:e'])('accepts %j', (path) => {
    expect(isPlainPath(path)).toBe(true);
  });
});
