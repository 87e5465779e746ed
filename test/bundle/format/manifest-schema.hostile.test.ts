import { describe, expect, it } from 'vitest';
import { planBundle, type BundleManifest } from '../../../src/bundle/index.ts';
import { parseManifest } from '../../../src/bundle/format/manifest-schema.ts';
import { planOf } from '../../../src/bundle/read/reader.ts';
import { codeOf, HOSTILE_BYTES } from '../../support/hostile-texts.ts';
import { smallBundle } from '../../support/small-bundle.ts';

const { manifest } = planBundle(smallBundle().input);

describe('parseManifest', () => {
  it.each(HOSTILE_BYTES)('refuses %s', async (_, bytes) => {
    expect(await codeOf(() => parseManifest(bytes, 'x.tar'))).toMatch(/^BUNDLE_(DAMAGED|VERSION_UNKNOWN)$/);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each<readonly [string, string]>([
    ['a million entries that are none', `"entries": [${'0,'.repeat(1_000_000)}0]`],
    ['a million images that are none', `"images": [${'{},'.repeat(300_000)}{}]`],
    ['a million packages that are none', `"repositories": [{"packages": [${'[],'.repeat(300_000)}0]}]`],
    ['platforms nested without end', `"platforms": ${'['.repeat(500_000)}${']'.repeat(500_000)}`],
    ['a date of a megabyte', `"date": "${'2026-'.repeat(200_000)}"`],
    ['a name of a megabyte', `"name": "${'a'.repeat(1_000_000)}"`],
    ['a hundred thousand unknown keys', Array.from({ length: 100_000 }, (_, index) => `"k${index}": 0`).join(',')],
    ['one unknown key of a megabyte', `"${'k'.repeat(1_000_000)}": 0`],
  ])('refuses %s', async (_, text) => {
    expect(await codeOf(() => parseManifest(Buffer.from(`{"apiVersion": "caisson.bundle/v1", ${text}}`), 'x.tar'))).toBe('BUNDLE_DAMAGED');
  });
});

/** The manifest of a good bundle with its text changed. */
function withText(from: string | RegExp, to: string): Buffer {
  const text = JSON.stringify(manifest, undefined, 1);
  const changed = text.replace(from, () => to);
  if (changed === text) throw new Error(`the manifest has no ${String(from)}`);
  return Buffer.from(changed);
}

function withEntries(change: (entries: BundleManifest['entries']) => readonly object[]): Buffer {
  return Buffer.from(JSON.stringify({ ...manifest, entries: change(manifest.entries) }));
}

function renamed(path: string): Buffer {
  return withEntries((entries) => entries.map((entry) => (entry.path === 'caisson' ? { ...entry, path } : entry)));
}

describe('planOf', () => {
  it.each<readonly [string, () => Buffer]>([
    ...['-1', '-0.5', '1e999', '-1e999', '9007199254740992', '9007199254740993', '0.5', '1e300', '"31"', 'null', '[]', '{}'].flatMap(
      (number) => [
        [`a size of ${number}`, () => withText(/"size": \d+/, `"size": ${number}`)] as const,
        [`an offset of ${number}`, () => withText(/"offset": \d+/, `"offset": ${number}`)] as const,
        [`a mode of ${number}`, () => withText(/"mode": \d+/, `"mode": ${number}`)] as const,
      ],
    ),
    ['an offset inside of another member', () => withText(/"offset": \d+/, '"offset": 512')],
    ['an offset of the member before', () => withEntries((entries) => entries.map((entry) => ({ ...entry, offset: entries[0]?.offset })))],
    [
      'sizes that make the file larger than all numbers',
      () => withEntries((entries) => entries.map((entry) => ({ ...entry, size: 2 ** 53 - 1 }))),
    ],
    ['a member twice', () => withEntries((entries) => [...entries, ...entries.slice(-1)])],
    ['a member less', () => withEntries((entries) => entries.slice(0, -1))],
    ['members in another order', () => withEntries((entries) => entries.toReversed())],
    ['a set-uid member', () => withText('"mode": 493', '"mode": 2541')],
    ['a member of no kind', () => withText('"kind": "executable"', '"kind": "symlink"')],
    ['an upper-case digest', () => withText(/sha256:[0-9a-f]{64}/, `sha256:${'A'.repeat(64)}`)],
    ['a digest of another kind', () => withText(/sha256:[0-9a-f]{64}/, `sha512:${'a'.repeat(128)}`)],
    ['an annotation of an object', () => withText('"digest": "sha256:', '"annotations": { "a": {} }, "digest": "sha256:')],
    [
      'annotations with a key of every object',
      () => withText('"digest": "sha256:', '"annotations": { "__proto__": "x" }, "digest": "sha256:'),
    ],
    ['a key of every object', () => withText('{', '{ "__proto__": { "name": "x" },')],
    ['a key twice', () => withText('"name": "lab"', '"name": "lab", "name": "lab"')],
    ['an origin with an escape of the terminal', () => withText('"origin": "builder"', '"origin": "\\u001b[2J"')],
    ['a half of a surrogate pair', () => withText('"origin": "builder"', '"origin": "\\ud800"')],
    ...[
      '../caisson',
      '/etc/passwd',
      'a/../../b',
      'a//b',
      './a',
      'a/.',
      '..',
      '',
      'a\\b',
      'a\0b',
      'a\nb',
      'é',
      'caisson/',
      'bundle.json',
      'SHA256SUMS',
      'SHA256SUMS.sig',
      'blobs/x',
      'manifests',
      'a/'.repeat(64) + 'a',
      'a'.repeat(256),
      'a/'.repeat(600),
    ].map((path) => [`a member called ${JSON.stringify(path).slice(0, 40)}`, () => renamed(path)] as const),
  ])('refuses %s', async (_, make) => {
    expect(await codeOf(() => planOf(make(), 'x.tar'))).toBe('BUNDLE_DAMAGED');
  });

  it('names the first of many thousand faults and says how many there are', () => {
    const many = Buffer.from(
      JSON.stringify({ ...manifest, entries: Array.from({ length: 30_000 }, () => ({ ...manifest.entries[0], path: '/' })) }),
    );
    expect(() => planOf(many, 'x.tar')).toThrow(/it is listed more than once; .*; and \d{5} more$/);
  });

  it('takes no long time over paths that are as deep as can be', async () => {
    const deep = Array.from({ length: 5_000 }, (_, index) => ({ ...manifest.entries[0], path: `${'a/'.repeat(500)}${index}` }));
    expect(await codeOf(() => planOf(Buffer.from(JSON.stringify({ ...manifest, entries: deep })), 'x.tar'))).toBe('BUNDLE_DAMAGED');
  });
});
