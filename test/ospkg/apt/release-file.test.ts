import { describe, expect, it } from 'vitest';
import { checkRelease, parseReleaseFile, type ReleaseFile } from '../../../src/ospkg/apt/release-file.ts';

const HEX = 'ab'.repeat(32);
const HASHES = `SHA256:\n ${HEX} 12 main/binary-amd64/Packages`;
const WHAT = 'http://test.invalid/dists/stable/InRelease';

function parse(...lines: readonly string[]): ReleaseFile {
  return parseReleaseFile([...lines, HASHES].join('\n'), WHAT);
}

describe('parseReleaseFile', () => {
  it('reads what a suite says of itself, and takes what it does not say for no', () => {
    expect(parse()).toMatchObject({
      ...{ suite: '', codename: '', date: undefined, validUntil: undefined, architectures: [], components: [] },
      ...{ acquireByHash: false, splitsArchitectureAll: false, automatic: true, upgrades: false },
    });
    const release = parse(
      ...['Suite: stable', 'Codename: bookworm', 'Date: Fri, 20 Nov 2026 12:00:00 UTC', 'Valid-Until: Fri, 27 Nov 2026 12:00:00 UTC'],
      ...['Architectures: all amd64  arm64', 'Components: main\n contrib', 'Acquire-By-Hash: yes'],
      ...['NotAutomatic: yes', 'ButAutomaticUpgrades: yes'],
    );
    expect(release).toMatchObject({
      ...{ suite: 'stable', codename: 'bookworm', architectures: ['all', 'amd64', 'arm64'], components: ['main', 'contrib'] },
      ...{ date: new Date('2026-11-20T12:00:00Z'), validUntil: new Date('2026-11-27T12:00:00Z') },
      ...{ acquireByHash: true, splitsArchitectureAll: true, automatic: false, upgrades: true },
    });
  });

  it.each([
    ['Acquire-By-Hash: YES', { acquireByHash: true }],
    ['Acquire-By-Hash: no', { acquireByHash: false }],
    ['NotAutomatic: no', { automatic: true }],
    ['NotAutomatic: Yes', { automatic: false }],
    ['ButAutomaticUpgrades: no', { upgrades: false }],
    ['Architectures: all amd64\nNo-Support-for-Architecture-all: Packages', { splitsArchitectureAll: false }],
    ['Architectures: all amd64\nNo-Support-for-Architecture-all: Sources', { splitsArchitectureAll: true }],
    ['Architectures: amd64', { splitsArchitectureAll: false }],
  ])('understands %j', (line, expected) => {
    expect(parse(line)).toMatchObject(expected);
  });

  it.each([
    ['Fri, 20 Nov 2026 12:00:00 UTC', '2026-11-20T12:00:00.000Z'],
    ['Fri,  6 Nov 2026  9:05:00 GMT', undefined],
    ['Fri,  6 Nov 2026 9:05:00 GMT', '2026-11-06T09:05:00.000Z'],
    ['Fri, 20 Nov 2026 12:00:00 +0000', '2026-11-20T12:00:00.000Z'],
    ['Fri, 20 Nov 2026 12:00:00 Z', '2026-11-20T12:00:00.000Z'],
    ['Fri, 20 Nov 2026 12:00:00 +0100', undefined],
    ['on Fri, 20 Nov 2026 12:00:00 UTC', undefined],
    ['Fri, 20 Nov 2026 12:00:00 UTC or so', undefined],
  ])('takes %j for the date %s', (text, expected) => {
    expect(parse(`Date: ${text}`).date?.toISOString()).toBe(expected);
  });

  it('lists the files of the SHA256 section, else of the SHA512 section, by their path below the release', () => {
    const long = 'cd'.repeat(64);
    const both = `SHA256:\n ${HEX} 1 a\n\nSHA512:\n ${long} 2 b`.replace('\n\n', '\n');
    expect([...parseReleaseFile(both, WHAT).files]).toEqual([['a', { size: 1, digest: `sha256:${HEX}` }]]);
    const newer = `SHA512:\n ${long} 2 ./././b\n ${long.toUpperCase()}    3   main/c`;
    expect([...parseReleaseFile(newer, WHAT).files]).toEqual([
      ['b', { size: 2, digest: `sha512:${long}` }],
      ['main/c', { size: 3, digest: `sha512:${long}` }],
    ]);
    expect([...parseReleaseFile(`SHA256:\r\n ${HEX} 1 a\r\n`, WHAT).files.keys()]).toEqual(['a']);
  });

  it.each([
    [`SHA256:\n ${HEX.slice(1)} 1 a`, `"${HEX.slice(1)} 1 a" is not a digest, a size and a path`],
    [`SHA256:\n ${HEX} 1`, 'is not a digest, a size and a path'],
    [`SHA256:\n ${HEX} 1 a b`, 'is not a digest, a size and a path'],
    [`SHA256:\n ${HEX} -1 a`, 'is not a digest, a size and a path'],
    [`SHA256:\n ${HEX} ${'1'.repeat(16)} a`, 'is not a digest, a size and a path'],
    [`SHA512:\n ${HEX} 1 a`, 'is not a digest, a size and a path'],
    ['MD5Sum:\n 0 1 a', 'it has neither a SHA256 nor a SHA512 section'],
    ['', 'it has neither a SHA256 nor a SHA512 section'],
    [`Valid-Until: soon\n${HASHES}`, 'Valid-Until "soon" is not a date in UTC'],
  ])('refuses %j, and names the file', (text, message) => {
    expect(() => parseReleaseFile(text, WHAT)).toThrow(expect.objectContaining({ code: 'REPOSITORY_INVALID' }));
    expect(() => parseReleaseFile(text, WHAT)).toThrow(`Cannot use "${WHAT}": `);
    expect(() => parseReleaseFile(text, WHAT)).toThrow(message);
  });
});

describe('checkRelease', () => {
  const NOW = new Date('2026-11-20T12:00:00Z');
  const release: ReleaseFile = { ...parse('Suite: stable', 'Codename: bookworm'), date: NOW };
  const later = (milliseconds: number): Date => new Date(NOW.getTime() + milliseconds);

  function check(changes: Partial<ReleaseFile>, { suite = 'stable', repository = 'http://test.invalid/debian' } = {}): readonly string[] {
    return checkRelease({ ...release, ...changes }, { suite, repository, now: NOW, what: WHAT });
  }

  it('takes a release up to the moment at which it expires, and not after it', () => {
    expect(check({ validUntil: NOW })).toEqual([]);
    expect(() => check({ validUntil: later(-1) })).toThrow(
      expect.objectContaining({
        code: 'REPOSITORY_EXPIRED',
        message: `Cannot use "${WHAT}": it expired at 2026-11-20T11:59:59.999Z`,
        hint: expect.stringContaining('The clock here says 2026-11-20T12:00:00.000Z'),
      }),
    );
  });

  it('takes a release that is ten minutes ahead of its clock, and none from further in the future', () => {
    expect(check({ date: later(600_000) })).toEqual([]);
    expect(() => check({ date: later(600_001) })).toThrow(
      expect.objectContaining({ code: 'REPOSITORY_EXPIRED', message: expect.stringContaining('in the future') }),
    );
  });

  it.each([
    ['http://snapshot.test.invalid/archive/debian/20260131T000000Z', true],
    ['http://snapshot.test.invalid/archive/debian/20260131T000000Z/deeper', true],
    ['http://snapshot.test.invalid/archive/debian/20260202T000000Z', false],
    ['http://snapshot.test.invalid/archive/debian/20260131T000000Zulu', false],
    ['http://snapshot.test.invalid/archive/debian/20261331T000000Z', false],
    ['http://snapshot.test.invalid/archive/debian', false],
  ])('judges a snapshot by the time in its address: %s may have expired since is %s', (repository, isTaken) => {
    const validUntil = new Date('2026-02-01T00:00:00Z');
    if (isTaken) expect(check({ validUntil }, { repository })).toEqual([]);
    else expect(() => check({ validUntil }, { repository })).toThrow('it expired at');
  });

  it.each<readonly [string, Partial<ReleaseFile>, string, readonly string[]]>([
    ['its suite', {}, 'stable', []],
    ['its codename', {}, 'bookworm', []],
    ['a directory', {}, 'anything/', []],
    ['another suite', {}, 'trixie', [`"${WHAT}" was asked for as "trixie" and calls itself "stable" and "bookworm"`]],
    ['another, of one name', { suite: 'bookworm' }, 'trixie', [`"${WHAT}" was asked for as "trixie" and calls itself "bookworm"`]],
    ['another, without a name', { suite: '', codename: '' }, 'trixie', [`"${WHAT}" was asked for as "trixie" and calls itself nothing`]],
    [
      'its suite, without a date',
      { date: undefined },
      'stable',
      [`"${WHAT}" has no Date that can be read; the time of its signature counts`],
    ],
  ])('warns where it must when it is asked for as %s', (_, changes, suite, warnings) => {
    expect(check(changes, { suite })).toEqual(warnings);
  });
});
