import { describe, expect, it } from 'vitest';
import { lockChanges } from '../../src/builder/lock-changes.ts';
import type { BundleLock } from '../../src/builder/lock.ts';
import type { AptLockedPackage } from '../../src/ospkg/apt/documents.ts';
import { changeLines, countChanges } from '../../src/cli/inspect/lock-change-lines.ts';
import { digestOf } from '../../src/core/index.ts';
import { fakeImage, lockedImage, lockedPackage, sampleLock } from './fixtures.ts';

const SECURITY = 'http://security.example/debian-security';

function package_(name: string, version: string, changes: Partial<AptLockedPackage> = {}): AptLockedPackage {
  return { ...lockedPackage(name, `${name} ${version}`), version, ...changes };
}

function withPackages(...packages: readonly AptLockedPackage[]): BundleLock {
  const lock = sampleLock();
  const [system] = lock.operatingSystems;
  if (system === undefined) throw new Error('the sample has no packages');
  const [release] = system.releases;
  if (release === undefined) throw new Error('the sample has no release');
  const releases = [release, { ...release, url: SECURITY, suite: 'bookworm-security' }];
  return { ...lock, operatingSystems: [{ ...system, releases, packages }] };
}

describe('lockChanges', () => {
  it('finds nothing between equal locks', () => {
    expect(lockChanges(sampleLock(), sampleLock())).toEqual([]);
    expect(changeLines([], 'x.json')).toEqual(['Nothing changes against x.json']);
  });

  it('tells images that came, went and changed, and a tag that moved', () => {
    const [first, second] = [fakeImage(['a']), fakeImage(['b', 'c'])];
    const images = (...list: readonly [source: string, name: string, image: typeof first][]) =>
      sampleLock({ images: list.map(([source, name, image]) => lockedImage(source, name, image)) });
    const pinned = `example.com/p@${first.resolved.root.digest}`;
    const pinnedAfter = `example.com/p@${second.resolved.root.digest}`;
    const before = images(
      ['example.com/m:1', 'example.com/m:1', first],
      ['example.com/g:1', 'example.com/g:1', first],
      [pinned, 'p:1', first],
    );
    const after = images(
      ['example.com/m:1', 'example.com/m:1', second],
      ['example.com/n:1', 'example.com/n:1', first],
      [pinnedAfter, 'p:1', second],
    );
    const found = lockChanges(before, after);
    expect(found.map(({ name, before: was, after: is, notes }) => [name, was?.version, is?.version, notes])).toEqual([
      ['example.com/g:1', first.resolved.root.digest, undefined, []],
      ['example.com/m:1', first.resolved.root.digest, second.resolved.root.digest, ['moved tag']],
      ['example.com/n:1', undefined, first.resolved.root.digest, []],
      ['p:1', first.resolved.root.digest, second.resolved.root.digest, []],
    ]);
    expect(countChanges(found)).toBe('2 images changed (1 moved tag), 1 image new, 1 image gone');
  });

  it('tells packages with versions in the order of their format, and those that are for security', () => {
    const before = withPackages(package_('a', '1.9'), package_('b', '2:1.0'), package_('gone', '1'), package_('same', '1'));
    const after = withPackages(
      package_('a', '1.10', { repository: SECURITY }),
      package_('b', '1:9.0'),
      package_('new', '1'),
      package_('same', '1'),
    );
    const found = lockChanges(before, after);
    expect(found).toMatchObject([
      {
        kind: 'package',
        system: 'debian-12 amd64',
        name: 'a',
        before: { version: '1.9' },
        after: { version: '1.10' },
        notes: ['security'],
      },
      { name: 'b', notes: ['older'] },
      { name: 'gone', before: { version: '1', size: 6 }, notes: [] },
      { name: 'new', after: { version: '1', size: 5 }, notes: [] },
    ]);
    expect(changeLines(found, 'bundle.lock.json').join('\n')).toMatchInlineSnapshot(`
      "Against bundle.lock.json: 2 packages changed (1 older, 1 for security), 1 package new, 1 package gone

         KIND                        NAME  BEFORE  AFTER  SIZE        NOTE
      ~  package of debian-12 amd64  a     1.9     1.10   5 B to 6 B  security
      ~  package of debian-12 amd64  b     2:1.0   1:9.0  7 B         older
      -  package of debian-12 amd64  gone  1              6 B
      +  package of debian-12 amd64  new           1      5 B"
    `);
  });

  it('tells versions apart where a package has several', () => {
    const found = lockChanges(
      withPackages(package_('a', '1'), package_('a', '2')),
      withPackages(package_('a', '2'), package_('a', '3'), package_('a', '4')),
    );
    expect(found.map(({ before, after }) => [before?.version, after?.version])).toEqual([
      ['1', undefined],
      [undefined, '3'],
      [undefined, '4'],
    ]);
  });

  it('tells files and executables by their digests', () => {
    const after = sampleLock({
      executables: [{ platform: 'linux/amd64', digest: digestOf('other'), size: 5 }],
      files: [{ path: 'manifests/x', digest: digestOf('x'), size: 1 }],
    });
    expect(lockChanges(sampleLock(), after).map(({ kind, name, before, after: is }) => [kind, name, before?.size, is?.size])).toEqual([
      ['executable', 'linux/amd64', 10, 5],
      ['file', 'images.txt', 4, undefined],
      ['file', 'manifests/x', undefined, 1],
    ]);
  });
});
