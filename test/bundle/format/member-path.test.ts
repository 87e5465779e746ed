import { describe, expect, it } from 'vitest';
import {
  blobDigest,
  blobPath,
  compareMembers,
  compareText,
  isSignaturePath,
  memberPathProblem,
} from '../../../src/bundle/format/member-path.ts';
import type { EntryKind } from '../../../src/bundle/format/manifest.ts';
import { parseSums } from '../../../src/bundle/format/sums.ts';
import { digestOf } from '../../../src/core/index.ts';

describe('a path of a member', () => {
  it.each([
    ['a', undefined],
    ['apt/debian-12/pool/a_1%3a1~rc1_all.deb', undefined],
    ['x'.repeat(255), undefined],
    ['x'.repeat(256), 'its path is too long'],
    [`${'abc/'.repeat(64)}d`, 'its path has more than 64 components'],
    [`${'abc/'.repeat(63)}d`, undefined],
    [`${`${'x'.repeat(203)}/`.repeat(5)}abcd`, undefined],
    [`${`${'x'.repeat(203)}/`.repeat(5)}abcde`, 'its path is too long'],
    ['a b', 'its path has characters other than letters, digits and . _ + ~ @ % = , : / -'],
    ['/a', 'its path is not safe: it is absolute'],
  ])('%s: %s', (path, problem) => {
    expect(memberPathProblem(path)).toBe(problem);
  });

  it.each([
    ['SHA256SUMS.sig', true],
    ['SHA256SUMS.2.sig', true],
    ['SHA256SUMS.12.sig', true],
    ['SHA256SUMS', false],
    ['SHA256SUMS..sig', false],
    ['SHA256SUMS.a.sig', false],
    ['SHA256SUMS.sig.old', false],
    ['old/SHA256SUMS.sig', false],
  ])('%s is the one of a signature: %s', (path, is) => {
    expect(isSignaturePath(path)).toBe(is);
  });

  it('of a blob is made of its digest, which can be read from it', () => {
    const digest = digestOf('blob');
    expect(blobDigest(blobPath(digest))).toBe(digest);
    for (const path of [`other/sha256/${digest.slice(7)}`, 'blobs/sha256/short', `${blobPath(digest)}0`, 'caisson'])
      expect(blobDigest(path)).toBeUndefined();
  });

  it('stands in the file behind the generated members and the list of content, packages behind small files, blobs last', () => {
    const members: readonly (readonly [string, EntryKind])[] = [
      ['oci-layout', 'metadata'],
      ['index.json', 'metadata'],
      ['manifest.json', 'metadata'],
      ['sbom.cdx.json', 'metadata'],
      ['a', 'document'],
      ['caisson', 'executable'],
      ['zz', 'repository'],
      ['apt/a.deb', 'package'],
      ['apt/b.deb', 'package'],
      ['a/blob', 'blob'],
      ['b/blob', 'blob'],
    ];
    const all = members.map(([path, kind]) => ({ path, kind }));
    expect([...all].reverse().sort(compareMembers)).toEqual(all);
    expect([compareText('a', 'a'), compareText('a', 'b'), compareText('b', 'a')]).toEqual([0, -1, 1]);
  });
});

describe('parseSums', () => {
  const HEX = 'ab'.repeat(32);

  it('reads every line, and names those that are none by their number', () => {
    expect(parseSums(`${HEX}  a b\n${HEX}  c\n`)).toEqual({
      digests: new Map([
        ['a b', `sha256:${HEX}`],
        ['c', `sha256:${HEX}`],
      ]),
      problems: [],
    });
    expect(parseSums(`${HEX}  a\nnone\n\n${HEX}  b`).problems).toEqual([
      'line 2 is not a digest, two spaces and a path',
      'line 3 is not a digest, two spaces and a path',
      'its last line is not complete',
    ]);
    expect(parseSums('')).toEqual({ digests: new Map(), problems: [] });
  });

  it('reads a thousand faulty lines, and no more', () => {
    const thousand = 'none\n'.repeat(1000);
    expect(parseSums(thousand).problems).toHaveLength(1000);
    const { problems, digests } = parseSums(`${thousand}${HEX}  a\n`);
    expect(problems.slice(1000)).toEqual(['from line 1001 on it was not read: it has 1000 faulty lines before']);
    expect(digests.size).toBe(0);
  });
});
