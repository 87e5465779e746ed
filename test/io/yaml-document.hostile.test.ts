import * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { MAX_YAML_BYTES, parseYaml, readYaml } from '../../src/io/index.ts';
import { codeOf, HOSTILE_TEXTS } from '../support/hostile-texts.ts';

const schema = z.strictObject({ name: z.string(), items: z.array(z.strictObject({ a: z.string() })).optional() });

describe('parseYaml', () => {
  it.each(HOSTILE_TEXTS)('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseYaml(text, 'thing.yaml', schema))).toBe('INPUT_INVALID');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each<readonly [string, string]>([
    ['more bytes than are read', `name: ${'a'.repeat(MAX_YAML_BYTES)}\n`],
    ['more lines than are read', `name: a\n${'\n'.repeat(200_001)}`],
    ['as many keys as are read', Array.from({ length: 10_000 }, (_, index) => `k${index}: 1\n`).join('')],
    ['a key ten thousand times', 'name: a\n'.repeat(10_000)],
    ['ten thousand faulty items', `name: a\nitems: [${'0,\n  '.repeat(10_000)}]\n`],
    ['nine thousand unknown keys of items', `name: a\nitems: [${'{b},\n  '.repeat(9_000)}]\n`],
    ['aliases one after the other', `name: &a x\nitems: [${'*a,\n  '.repeat(6_000)}]\n`],
    [
      'anchors one after the other',
      `name: x\nitems: [${Array.from({ length: 6_000 }, (_, index) => `&a${index} x,*a${index},\n  `).join('')}]\n`,
    ],
    ['a list in a list in a list', `name: x\nitems:\n${Array.from({ length: 700 }, (_, index) => `${' '.repeat(index)}-\n`).join('')}`],
    ['a value with a NUL', 'name: "a\0b"\n'],
    ['a value with an escape of the terminal', 'name: a\u001b[2Jb\n'],
    ['a comment with an escape of the terminal', 'name: a # \u001b[2J\n'],
    ['a half of a surrogate pair', 'name: "\ud800"\n'],
    ['a second document', 'name: a\n---\nname: b\n'],
    ['an alias of nothing', 'name: *b\n'],
    ['a tag of bytes', 'name: !!binary aGk=\n'],
    ['a key that is a map', '{ a: b }: c\n'],
    ['a merge key', 'name: a\n<<: { items: [] }\n'],
    ['a number beyond all numbers', 'name: 1e999\n'],
  ])('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseYaml(text, 'thing.yaml', schema))).toBe('INPUT_INVALID');
  });

  it.each<readonly [string, string, string]>([
    ['', '1:1', 'is empty, want a map'],
    ['# nothing but a comment\n', '1:1', 'is empty, want a map'],
    [`name: ${'a'.repeat(MAX_YAML_BYTES)}\n`, '1:1', 'is 4194311 bytes long'],
    [`name: a\n${'\n'.repeat(60_000)}`, '50000:1', 'holds more than 50000 lines, items, pairs and quotes'],
    ['name: x\nitems: *b\n', '2:8', 'no anchor before the alias has the name "b"'],
    ['name: x\nitems: &a [*a]\n', '2:12', 'the alias "a" stands inside of what it means'],
    [
      `a: &a [1,1]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: [${'*c,'.repeat(9)}]\n`,
      '4:29',
      'this and other aliases multiply without end',
    ],
  ])('says where %j is wrong', (text, place, reason) => {
    expect(() => parseYaml(text, 'thing.yaml', schema)).toThrow(`thing.yaml:${place}: ${reason}`);
  });

  it('says where the character stands that no document may hold', () => {
    expect(() => readYaml('a: 1\nb: x\u0007y\n', 'thing.yaml')).toThrow('thing.yaml:2:5: holds the character U+0007');
  });

  it('keeps a whole paragraph of text with every character that may stand there', () => {
    const text = '\u0085\u00a0\ud7ff\ue000\ufffd𐀀\u{10ffff}é漢';
    expect(parseYaml(`name: "x${text}"\n`, 'thing.yaml', schema)).toEqual({ name: `x${text}` });
  });

  it('accepts some aliases and refuses more than a hundred', async () => {
    const withAliases = (count: number): string => `name: &a x\nitems: [${'{ a: *a },'.repeat(count)}]\n`;
    expect(await codeOf(() => parseYaml(withAliases(20), 'thing.yaml', schema))).toBeUndefined();
    expect(await codeOf(() => parseYaml(withAliases(101), 'thing.yaml', schema))).toBe('INPUT_INVALID');
  });
});
