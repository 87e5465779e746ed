import { describe, expect, it } from 'vitest';
import { formatReference, parseReference, parseReferenceAsWritten } from '../../src/oci/index.ts';
import { codeOf, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

/** These are names of images. */
const NAMES = new Set(['null', '1e999', '9007199254740993']);

describe('parseReference', () => {
  it.each(HOSTILE_TEXTS.filter(([, text]) => !NAMES.has(text)))('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseReference(text))).toBe('REFERENCE_INVALID');
    expect(await codeOf(() => parseReferenceAsWritten(`a/${text}:1`))).toBe('REFERENCE_INVALID');
    expect(await codeOf(() => parseReferenceAsWritten(`a.example/b:${text}x!`))).toBe('REFERENCE_INVALID');
    expect(await codeOf(() => parseReferenceAsWritten(`a@${text}`))).toBe('REFERENCE_INVALID');
  });

  it.each([
    '../a',
    'a/../b',
    'a/./b',
    '/a',
    'a/',
    'a//b',
    'a\0b',
    'a\nb',
    'a:b:c',
    'a@b@c',
    'a b',
    'a:..',
    'ä',
    'A',
    '-a',
    'a-',
    'a:-b',
    'x.y/',
    '[::1',
    ':5000/a',
  ])('refuses %j', async (text) => {
    expect(await codeOf(() => parseReference(text))).toBe('REFERENCE_INVALID');
  });

  it('never gives a name that leaves a directory, whatever it accepts', () => {
    for (const text of ['__proto__', 'constructor', 'a.b/c', 'localhost/a', '1.2.3.4:5/a', 'a:..b', 'null']) {
      let name: string;
      try {
        name = formatReference(parseReference(text));
      } catch {
        continue;
      }
      expect(name.split(/[/:]/)).not.toContain('..');
    }
  });
});
