import { describe, expect, it } from 'vitest';
import { formatLock, parseLock } from '../../src/builder/lock.ts';
import { codeOf, HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { sampleLock } from './fixtures.ts';

const GOOD = formatLock(sampleLock());

function changed(from: string | RegExp, to: string): string {
  const text = GOOD.replace(from, () => to);
  if (text === GOOD) throw new Error(`the lock has no ${String(from)}`);
  return text;
}

describe('parseLock', () => {
  it.each(HOSTILE_TEXTS)('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseLock(text, 'bundle.lock.json'))).toBe('INPUT_INVALID');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each<readonly [string, string]>([
    ['a negative size', changed(/"size": \d+/, '"size": -1')],
    ['a size beyond all numbers', changed(/"size": \d+/, '"size": 1e999')],
    ['a size beyond 2^53', changed(/"size": \d+/, '"size": 9007199254740993')],
    ['a file name that leaves the repository', changed(/"filename": "[^"]+"/, '"filename": "../../etc/passwd"')],
    ['an absolute path', changed('"path": "images.txt"', '"path": "/etc/passwd"')],
    ['a path with a NUL', changed('"path": "images.txt"', '"path": "a\\u0000b"')],
    ['an operating system whose name leaves the directory', changed('"id": "debian-12"', '"id": "../x"')],
    ['a repository of another protocol', changed('http://packages.example/debian', 'ftp://packages.example/debian')],
    ['a repository with a password', changed('http://packages.example/debian', 'http://user:secret@packages.example/debian')],
    ['a paragraph that begins another package', changed('"stanza": "', '"stanza": "Package: x\\n\\n')],
    ['a digest with a path', changed(/"digest": "sha256:[0-9a-f]{64}/, '"digest": "sha256:../../x')],
    ['a key of every object', changed('{', '{ "__proto__": {},')],
    ['a million images that are none', changed('"images": [', `"images": [${'0,'.repeat(1_000_000)}`)],
  ])('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseLock(text, 'bundle.lock.json'))).toBe('INPUT_INVALID');
  });
});
