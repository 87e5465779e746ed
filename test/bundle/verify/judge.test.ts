import { describe, expect, it } from 'vitest';
import { planBundle, type BundlePlan } from '../../../src/bundle/index.ts';
import { describeHeader, typeProblem } from '../../../src/bundle/verify/describe-header.ts';
import { judge, type Evidence } from '../../../src/bundle/verify/judge.ts';
import { digestOf, type Digest } from '../../../src/core/index.ts';
import type { FoundTarHeader } from '../../../src/io/index.ts';
import { smallBundle } from '../../support/small-bundle.ts';

const plan: BundlePlan = planBundle(smallBundle().input);
const actual = plan.members.map(({ path, digest }) => ({ path, digest }));
const listed = new Map(actual.filter(({ path }) => path !== 'SHA256SUMS').map(({ path, digest }) => [path, digest]));
const document = 'manifests/platform.yaml';
const right = listed.get(document) ?? digestOf('');
const other = digestOf('something else');
/** The right digest with this number of other digits at its end. */
const misprint = (digits: number): Digest => {
  const changed = [...right.slice(-digits)].map((digit) => (digit === '0' ? '1' : '0')).join('');
  return `sha256:${right.slice('sha256:'.length, -digits)}${changed}`;
};

function verdict(changes: Partial<Evidence>): readonly string[] {
  return judge({ actual, plan, sums: { digests: listed, problems: [] }, ...changes }).map(({ member, reason }) => `${member}: ${reason}`);
}

const bytesOf = (path: string, digest: Digest) => actual.map((one) => (one.path === path ? { path, digest } : one));
const sumsWith = (path: string, digest: Digest | undefined, problems: readonly string[] = []) => ({
  digests: new Map(
    [...listed].flatMap(([key, value]) => (key !== path ? [[key, value] as const] : digest === undefined ? [] : [[key, digest] as const])),
  ),
  problems,
});
const planWith = (path: string, digest: Digest): BundlePlan => ({
  ...plan,
  members: plan.members.map((member) => (member.path === path ? { ...member, digest } : member)),
});

describe('judge', () => {
  it('finds nothing where bytes, bundle.json and SHA256SUMS agree, or where a list is not there', () => {
    expect(verdict({})).toEqual([]);
    expect(verdict({ plan: undefined })).toEqual([]);
    expect(verdict({ sums: undefined })).toEqual([]);
    expect(verdict({ plan: undefined, sums: undefined })).toEqual([]);
  });

  it('finds the fault in the bytes where both lists contradict them, or the only one', () => {
    const found = [`${document}: its bytes have the digest ${other}, want ${right}`];
    expect(verdict({ actual: bytesOf(document, other) })).toEqual(found);
    expect(verdict({ actual: bytesOf(document, other), sums: undefined })).toEqual(found);
    expect(verdict({ actual: bytesOf(document, other), plan: undefined })).toEqual(found);
  });

  it('finds the fault in the list that contradicts bytes and the other list', () => {
    expect(verdict({ sums: sumsWith(document, other) })).toEqual([
      `SHA256SUMS: it says ${other} for "${document}", whose bytes have ${right}`,
    ]);
    expect(verdict({ plan: planWith(document, other) })).toEqual([
      `bundle.json: it says ${other} for "${document}", whose bytes have ${right}`,
    ]);
  });

  it('takes eight other digits in a list for a misprint of it, and nine for other bytes', () => {
    expect(verdict({ sums: sumsWith(document, misprint(8)), plan: undefined })).toEqual([
      `SHA256SUMS: it says ${misprint(8)} for "${document}", whose bytes have ${right}`,
    ]);
    expect(verdict({ sums: sumsWith(document, misprint(9)), plan: undefined })).toEqual([
      `${document}: its bytes have the digest ${right}, want ${misprint(9)}`,
    ]);
  });

  it('knows the digest of a blob by its name, whatever the lists say', () => {
    const blob = actual.find(({ path }) => path.startsWith('blobs/'))?.path ?? '';
    const digest = listed.get(blob);
    expect(verdict({ actual: bytesOf(blob, other), plan: undefined, sums: undefined })).toEqual([
      `${blob}: its bytes have the digest ${other}, want ${digest}`,
    ]);
  });

  it('judges bundle.json by SHA256SUMS alone, and neither SHA256SUMS nor a signature by anything', () => {
    expect(verdict({ actual: bytesOf('bundle.json', other) })).toEqual([
      `bundle.json: its bytes have the digest ${other}, want ${listed.get('bundle.json')}`,
    ]);
    expect(verdict({ actual: bytesOf('SHA256SUMS', other) })).toEqual([]);
    expect(verdict({ actual: [...actual, { path: 'SHA256SUMS.sig', digest: other }] })).toEqual([]);
  });

  it('finds the fault in SHA256SUMS where it leaves a member out, unless bundle.json does, too', () => {
    expect(verdict({ sums: sumsWith(document, undefined) })).toEqual([`SHA256SUMS: it does not list "${document}"`]);
    expect(verdict({ actual: [...actual, { path: 'foreign', digest: other }] })).toEqual([]);
    expect(verdict({ actual: [...actual, { path: 'foreign', digest: other }], plan: undefined })).toEqual([
      'SHA256SUMS: it does not list "foreign"',
    ]);
  });

  it('finds the fault in SHA256SUMS where it lists what nothing else has, and in the file where only it can tell', () => {
    const sums = { digests: new Map([...listed, ['nowhere', other] as const]), problems: [] };
    expect(verdict({ sums })).toEqual(['SHA256SUMS: it lists "nowhere", which neither the file nor bundle.json has']);
    expect(verdict({ sums, plan: undefined })).toEqual(['nowhere: it is missing, and SHA256SUMS lists it']);
    // The scan of the file tells of a member that bundle.json lists.
    expect(verdict({ actual: actual.filter(({ path }) => path !== document) })).toEqual([]);
  });

  it('names at most a thousand members that are not there, and what SHA256SUMS has wrong in itself', () => {
    const many = Array.from({ length: 1001 }, (_, index) => [`x/${index}`, other] as const);
    const found = verdict({ sums: { digests: new Map([...listed, ...many]), problems: ['line 7 is none'] } });
    expect(found[0]).toBe('SHA256SUMS: line 7 is none');
    expect(found).toHaveLength(1001);
  });
});

describe('describeHeader', () => {
  const date = new Date('2026-03-04T05:06:07Z');
  const wanted = { path: 'a', size: 1, mode: 0o644, date };
  const header: FoundTarHeader = {
    ...{ path: 'a', size: 1, mode: 0o644, type: 'File', linkPath: '', owner: '0:0', headerSize: 512 },
    modified: date.getTime() / 1000,
  };

  it.each<readonly [Partial<FoundTarHeader>, string]>([
    [{}, 'its header is not in canonical form'],
    [{ path: 'b' }, 'it is named "b"'],
    [{ size: 2 }, 'its header says 2 bytes, want 1'],
    [{ size: undefined }, 'its header says no valid number of bytes, want 1'],
    [{ mode: 0o755 }, 'its mode is 755, want 644'],
    [{ mode: undefined }, 'its mode is unreadable, want 644'],
    [{ modified: 0 }, 'its time is not 2026-03-04T05:06:07Z'],
    [{ modified: undefined }, 'its time is not 2026-03-04T05:06:07Z'],
    [{ owner: '1000:0' }, 'its owner is 1000:0, want 0:0'],
    [{ type: 'Directory' }, 'it is of type Directory, and only regular files belong in a bundle'],
    [{ path: 'b', size: 2 }, 'it is named "b"; its header says 2 bytes, want 1'],
  ])('says of a header with %o: %s', (changes, words) => {
    expect(describeHeader({ ...header, ...changes }, wanted)).toBe(words);
  });

  it('says where a link leads, and nothing of a regular file', () => {
    expect(typeProblem({ ...header, type: 'SymbolicLink', linkPath: '/etc/passwd' })).toBe(
      'it is of type SymbolicLink to "/etc/passwd", and only regular files belong in a bundle',
    );
    expect(typeProblem(header)).toBeUndefined();
  });
});
