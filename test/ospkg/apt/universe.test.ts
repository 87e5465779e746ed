import { describe, expect, it } from 'vitest';
import { formatReasons } from '../../../src/ospkg/index.ts';
import { fitsPattern } from '../../../src/ospkg/name-pattern.ts';
import { parseRelations } from '../../../src/ospkg/apt/requirement.ts';
import { offersOf, Universe, type Policy } from '../../../src/ospkg/apt/universe.ts';
import { whyNoOffer } from '../../../src/ospkg/apt/why-no-offer.ts';
import { tableOf, type TestSuite } from '../support.ts';

function universeOf(text: string, policy?: Policy): Universe {
  return new Universe(tableOf({ text }), 'amd64', policy);
}

describe('the candidate of a name', () => {
  const of = (...suites: readonly TestSuite[]): string | undefined => new Universe(tableOf(...suites), 'amd64').candidate('lib')?.version;
  const backports = { text: 'lib 3.0', automatic: false };

  it('is of a suite that is preferred for it, then of one that apt installs from, then of one for upgrades', () => {
    const preferred = { text: 'lib 1.0', prefer: ['l*b'] };
    const plain = { text: 'lib 2.0' };
    const upgrades = { text: 'lib 2.5', automatic: false, upgrades: true };
    expect(of(backports, upgrades, plain, preferred)).toBe('1.0');
    expect(of(backports, upgrades, plain, { ...preferred, prefer: ['other'] })).toBe('2.0');
    expect(of(backports, upgrades)).toBe('2.5');
    expect(of(upgrades, backports)).toBe('2.5');
    expect(of({ ...backports, prefer: ['lib'] }, plain)).toBe('3.0');
    expect(of(backports)).toBe('3.0');
  });

  it('is the newest of suites that count alike, in whichever order these are', () => {
    expect(of({ text: 'lib 1.0' }, { text: 'lib 2.0' })).toBe('2.0');
    expect(of({ text: 'lib 2.0' }, { text: 'lib 1.0' })).toBe('2.0');
    expect(of({ text: 'other' })).toBeUndefined();
  });

  it('is none that is excluded or that a set asks for otherwise', () => {
    const text = 'lib 1.0\nlib 2.0';
    expect(universeOf(text, { exclude: ['l?b'] }).candidate('lib')).toBeUndefined();
    expect(universeOf(text, { exclude: ['l?'] }).candidate('lib')?.version).toBe('2.0');
    const versions = new Map([['lib', [{ version: '1.*', set: 'tools' }]]]);
    expect(universeOf(text, { versions }).candidate('lib')?.version).toBe('1.0');
  });
});

describe('the providers of a name', () => {
  const order = (text: string): readonly string[] =>
    universeOf(text)
      .providers('virtual')
      .map(({ name }) => name);

  it('come essential ones first, then important ones, then by priority, an unknown one last, then by name', () => {
    const provider = (name: string, more = ''): string => `${name}; Provides: virtual${more}`;
    const all = [
      provider('g', '; Priority: curious'),
      provider('f', '; Priority: extra'),
      provider('e'),
      provider('d'),
      provider('c', '; Priority: required'),
      provider('b', '; Important: yes; Priority: extra'),
      provider('a', '; Essential: yes; Priority: extra'),
    ];
    for (const lines of [all, [...all].reverse()]) expect(order(lines.join('\n'))).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  it('are candidates alone, and stand behind the package of that name', () => {
    const text = 'old 1.0; Provides: virtual\nold 2.0\nnew; Provides: virtual\nvirtual 3.0; Provides: virtual';
    expect(order(text)).toEqual(['new', 'virtual']);
    const [[wanted] = []] = parseRelations('virtual', 'amd64', 'a test');
    if (wanted === undefined) throw new Error('it is a relation');
    expect(offersOf(universeOf(text), wanted).map(({ name }) => name)).toEqual(['virtual', 'new']);
  });
});

describe('why nothing is offered', () => {
  function why(text: string, relation: string, policy?: Policy): string {
    const [[wanted] = []] = parseRelations(relation, 'amd64', 'a test');
    if (wanted === undefined) throw new Error('it is a relation');
    const { help, ...reason } = whyNoOffer(universeOf(text, policy), wanted);
    return [formatReasons([reason]), ...(help === undefined ? [] : [`help: ${help}`])].join('\n');
  }

  it('may be a name that is written otherwise', () => {
    expect(why('containerd', 'contianerd')).toBe('"contianerd": no repository offers it\nhelp: Write "containerd", if that is meant');
    expect(why('other', 'contianerd')).toContain('help: Add the repository or suite that offers "contianerd"');
  });

  it('may be that eight versions and older ones are others, of which the newest come first', () => {
    const versions = Array.from({ length: 10 }, (_, index) => `lib ${index + 1}.0`);
    const lines = why(versions.join('\n'), 'lib (>= 20)').split('\n');
    expect(lines[1]).toContain('10.0 (amd64) of "stable"');
    expect(lines[8]).toContain('3.0 (amd64) of "stable"');
    expect(lines.slice(9)).toEqual(['  and 2 older ones', 'help: Add the suite or repository that offers another version of "lib"']);
    expect(why(versions.slice(0, 8).join('\n'), 'lib (>= 20)')).not.toContain('older');
  });

  it('may be that only others provide it, in versions that do not do', () => {
    expect(why('one; Provides: virtual (= 1), more\ntwo; Provides: virtual', 'virtual (>= 2)')).toBe(
      '"virtual (>= 2)": offered only by "one" (as virtual (= 1)), "two" (as virtual)',
    );
  });

  it('may be that it is excluded, or that a set asks for another version, and each says what would help', () => {
    expect(why('lib', 'lib', { exclude: ['lib'] })).toContain('help: Take "lib" out of what "exclude" names');
    const versions = new Map([['lib', [{ version: '9', set: 'tools' }]]]);
    expect(why('lib 1.0\nlib 2.0', 'lib', { versions })).toContain(
      'help: Ask for a version of "lib" that is on offer: 2.0, 1.0; a * at the end stands for the rest',
    );
  });
});

describe('fitsPattern', () => {
  it.each([
    ['', '', true],
    ['', '*', true],
    ['a', '', false],
    ['', '?', false],
    ['lib', 'lib', true],
    ['lib', 'li', false],
    ['li', 'lib', false],
    ['lib', 'l?b', true],
    ['lb', 'l?b', false],
    ['lib', '*', true],
    ['lib', '**', true],
    ['lib', 'l*', true],
    ['lib', '*b', true],
    ['lib', '*i', false],
    ['libabab', 'lib*ab', true],
    ['libabac', 'lib*ab', false],
    ['libabac', '*b*c', true],
    ['lib', 'lib*', true],
    ['lib', 'lib?', false],
    ['a?b', 'a?b', true],
    ['1.34.4', '1.3?.*', true],
    ['1.3.4', '1.3?.*', false],
  ])('says of %j and %j: %s', (text, pattern, fits) => {
    expect(fitsPattern(text, pattern)).toBe(fits);
  });
});
