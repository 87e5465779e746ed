import { describe, expect, it } from 'vitest';
import { formatReasons } from '../../../src/ospkg/index.ts';
import { solveSet } from '../../../src/ospkg/apt/solve.ts';
import { isConflicting, satisfies, Universe } from '../../../src/ospkg/apt/universe.ts';
import { stanzasOf, tableOf } from '../support.ts';
import { processorMs, timed } from '../../support/timed.ts';
import * as fc from '../../support/fast-check.ts';

function universeOf(text: string): Universe {
  return new Universe(tableOf({ text }), 'amd64');
}

function solve(index: string, ...names: readonly string[]): string[] {
  const resolution = solveSet(universeOf(index), names);
  if (!resolution.ok) throw new Error(resolution.failures.map((failure) => formatReasons(failure.reasons)).join('\n'));
  return resolution.packages.map(({ name, version }) => (version === '1.0' ? name : `${name} ${version}`)).sort();
}

/** Why each package of the set cannot be installed, by name. */
function whyNot(index: string, ...names: readonly string[]): Record<string, string> {
  const resolution = solveSet(universeOf(index), names);
  if (resolution.ok) throw new Error(`solved: ${resolution.packages.map(({ name }) => name).join(' ')}`);
  return Object.fromEntries(resolution.failures.map((failure) => [failure.package, formatReasons(failure.reasons)]));
}

describe('what a package needs', () => {
  it('is Pre-Depends and Depends to the end, and nothing that is only recommended', () => {
    const index = `
      app; Depends: lib; Recommends: extra; Suggests: extra
      lib; Pre-Depends: base (>= 1)
      base 2.0
      extra`;
    expect(solve(index, 'app')).toEqual(['app', 'base 2.0', 'lib']);
  });

  it('may be a circle', () => {
    expect(solve('libc; Depends: libgcc\nlibgcc; Depends: libc, gcc-base\ngcc-base', 'libc')).toEqual(['gcc-base', 'libc', 'libgcc']);
  });

  it('is taken in the newest version of all suites, and of equal ones from the first', () => {
    const index = 'lib 1.0-1\nlib 1.0-1+deb12u2; Filename: pool/first.deb\nlib 1.0-1+deb12u2; Filename: pool/second.deb\nlib 1.0-1+deb12u1';
    const found = universeOf(index).candidate('lib');
    expect(found?.version).toBe('1.0-1+deb12u2');
    expect(found?.place.offset).toBe((stanzasOf(index)[0]?.length ?? 0) + 2);
  });

  it('is not taken from a suite marked NotAutomatic while another has it', () => {
    const backports = { text: 'lib 2.0\nonly-there 2.0', automatic: false };
    const universe = new Universe(tableOf(backports, { text: 'lib 1.0' }), 'amd64');
    expect([universe.candidate('lib')?.version, universe.candidate('only-there')?.version]).toEqual(['1.0', '2.0']);
  });

  it('must be satisfied by the newest version: older ones are out of reach, as for apt', () => {
    expect(whyNot('app; Depends: lib (<< 2)\nlib 1.0\nlib 2.0', 'app')).toEqual({
      app: [
        '"app" needs "lib (<< 2)"',
        '  "lib (<< 2)": no version on offer is one',
        '    2.0 (amd64) of "stable" at http://test.invalid/debian: is not "lib (<< 2)"',
        '    1.0 (amd64) of "stable" at http://test.invalid/debian: 2.0 of "stable" counts before it',
      ].join('\n'),
    });
  });
});

describe('alternatives', () => {
  it('are tried from left to right', () => {
    const index = 'app; Depends: nothing | first | second\nfirst\nsecond';
    expect(solve(index, 'app')).toEqual(['app', 'first']);
  });

  it('are skipped when something chosen satisfies one of them', () => {
    const index =
      'app; Depends: init-helpers\ninit-helpers; Depends: usrmerge | usr-is-merged\nusrmerge; Depends: perl\nusr-is-merged\nperl';
    expect(solve(index, 'app')).toEqual(['app', 'init-helpers', 'perl', 'usrmerge']);
    expect(solve(index, 'app', 'usr-is-merged')).toEqual(['app', 'init-helpers', 'usr-is-merged']);
  });

  it('are left when they cannot be installed deeper down', () => {
    const index = 'app; Depends: first | second\nfirst; Depends: middle\nmiddle; Depends: missing\nsecond';
    expect(solve(index, 'app')).toEqual(['app', 'second']);
  });

  it('leave nothing behind when they are given up', () => {
    const index = 'app; Depends: first | second\nfirst; Depends: leftover, missing\nleftover\nsecond';
    expect(solve(index, 'app')).toEqual(['app', 'second']);
  });
});

describe('virtual packages', () => {
  it('are what their best provider is: essential, then important, then by priority, then by name', () => {
    const index = `
      app; Depends: awk
      gawk; Provides: awk
      another-awk; Provides: awk
      mawk; Provides: awk; Priority: required`;
    expect(solve(index, 'app')).toEqual(['app', 'mawk']);
    expect(solve(`${index}\n zawk; Provides: awk; Essential: yes`, 'app')).toEqual(['app', 'zawk']);
    expect(solve(`${index}\n zawk; Provides: awk; Protected: yes`, 'app')).toEqual(['app', 'zawk']);
    expect(solve(index.replace('; Priority: required', ''), 'app')).toEqual(['another-awk', 'app']);
  });

  it('stand back behind a real package of that name', () => {
    const index = 'app; Depends: jpeg\naaa; Provides: jpeg; Priority: required\njpeg';
    expect(solve(index, 'app')).toEqual(['app', 'jpeg']);
  });

  it('stand in for a real package of the wrong version', () => {
    const index = 'app; Depends: jpeg (>= 3)\nturbo; Provides: jpeg (= 3.1)\njpeg 2.0';
    expect(solve(index, 'app')).toEqual(['app', 'turbo']);
  });

  it('satisfy a versioned relation only when they are provided with a version that fits', () => {
    const index = 'app; Depends: api (>= 2)\none; Provides: api\ntwo; Provides: api (= 1.9)\nthree; Provides: api (= 2.0)';
    expect(solve(index, 'app')).toEqual(['app', 'three']);
    expect(whyNot('app; Depends: api (>= 2)\none; Provides: api\ntwo; Provides: api (= 1.9)', 'app')).toEqual({
      app: '"app" needs "api (>= 2)"\n  "api (>= 2)": offered only by "one" (as api), "two" (as api (= 1.9))',
    });
  });

  it('may be asked for by name when one package provides them, else the choice is the user\u2019s', () => {
    expect(solve('light; Provides: default-mta', 'default-mta')).toEqual(['light']);
    expect(whyNot('one; Provides: mta\ntwo; Provides: mta', 'mta').mta).toContain('write which of "one", "two"');
  });

  it('take the default first and then whatever provides the rest (default-mta | mail-transport-agent)', () => {
    const index = `
      mailx; Depends: default-mta | mta
      postfix; Provides: mta; Conflicts: mta
      exim-light; Provides: mta, default-mta; Conflicts: mta`;
    expect(solve(index, 'mailx')).toEqual(['exim-light', 'mailx']);
    expect(solve(index, 'mailx', 'postfix')).toEqual(['mailx', 'postfix']);
  });
});

describe('architectures', () => {
  it('satisfy :any only by packages that allow it', () => {
    expect(solve('app; Depends: python3:any\npython3; Multi-Arch: allowed', 'app')).toEqual(['app', 'python3']);
    expect(whyNot('app; Depends: python3:any\npython3; Multi-Arch: foreign', 'app').app).toContain('"python3:any"');
  });

  it('satisfy the name of the own architecture, also by packages for all', () => {
    expect(solve('app; Depends: lib:amd64, docs:amd64\nlib\ndocs; Architecture: all', 'app')).toEqual(['app', 'docs', 'lib']);
    expect(whyNot('app; Depends: lib:i386\nlib', 'app').app).toContain('"lib:i386"');
  });

  it('leave out relations for others', () => {
    expect(solve('app; Depends: lib [amd64], other [arm64]\nlib', 'app')).toEqual(['app', 'lib']);
  });
});

describe('conflicts', () => {
  it('never mean the package itself', () => {
    expect(solve('postfix; Provides: mta; Conflicts: mta', 'postfix')).toEqual(['postfix']);
  });

  it('make an alternative impossible, whichever side declares them', () => {
    const index = `
      app; Depends: one, two | three
      one; Conflicts: two
      two
      three`;
    expect(solve(index, 'app')).toEqual(['app', 'one', 'three']);
    expect(solve(index.replace('one; Conflicts: two', 'one').replace(/ two\n/, ' two; Breaks: one\n'), 'app')).toEqual([
      'app',
      'one',
      'three',
    ]);
  });

  it('with versions mean only those versions, and of what is provided only versioned provides', () => {
    expect(solve('app; Depends: lib; Breaks: lib (<< 1.0), virtual (<< 9)\nlib; Provides: virtual', 'app')).toEqual(['app', 'lib']);
    expect(whyNot('app; Depends: lib; Breaks: virtual (<< 9)\nlib; Provides: virtual (= 8)', 'app').app).toContain('conflicts with "app"');
  });

  it('with an earlier choice make that choice anew', () => {
    const index = `
      app; Depends: fluidsynth, jack-dev
      fluidsynth; Depends: jackd2 | jack1
      jackd2; Conflicts: jack1
      jack1; Conflicts: jackd2
      jack-dev; Depends: jack1`;
    expect(solve(index, 'app')).toEqual(['app', 'fluidsynth', 'jack-dev', 'jack1']);
  });

  it('with what an earlier choice brought make that choice anew', () => {
    const index = `
      app; Depends: gui | text, late
      gui; Depends: toolkit
      toolkit
      text
      late; Conflicts: toolkit`;
    expect(solve(index, 'app')).toEqual(['app', 'late', 'text']);
  });

  it('inside one set are an error that says who is in the way', () => {
    const index = 'chrony; Provides: time-daemon; Conflicts: time-daemon\ntimesyncd; Provides: time-daemon; Conflicts: time-daemon';
    const reasons = whyNot(index, 'chrony', 'timesyncd');
    expect(Object.keys(reasons)).toEqual(['timesyncd']);
    expect(reasons.timesyncd).toContain('"timesyncd" conflicts with "chrony", which is already chosen');
  });
});

describe('a set that cannot be installed', () => {
  it('names every package of it with the reasons as a tree', () => {
    const index = `
      good
      app; Depends: lib | other (>= 2), good
      lib; Depends: deep
      deep; Depends: missing
      other 1.0`;
    expect(whyNot(index, 'nosuch', 'good', 'app')).toEqual({
      nosuch: '"nosuch": no repository offers it',
      app: [
        '"app" needs "lib | other (>= 2)"',
        '  "lib" needs "deep"',
        '    "deep" needs "missing"',
        '      "missing": no repository offers it',
        '  "other (>= 2)": no version on offer is one',
        '    1.0 (amd64) of "stable" at http://test.invalid/debian: is not "other (>= 2)"',
      ].join('\n'),
    });
  });

  timed('is found so quickly, however many ways lead to the missing one', async () => {
    const layers = Array.from({ length: 30 }, (_, layer) =>
      ['a', 'b'].map((side) => `${side}${layer}; Depends: a${layer + 1} | b${layer + 1}`).join('\n'),
    );
    const taken = await processorMs(() => {
      expect(whyNot(layers.join('\n'), 'a0').a0).toContain('"a30": no repository offers it');
    });
    expect(taken).toBeLessThan(2000);
  });

  it('names a relation that cannot be read, and takes another way where there is one', () => {
    expect(whyNot('app; Depends: lib (>= ', 'app')).toEqual({ app: expect.stringContaining('"lib (>=" is not one') });
    expect(solve('app; Depends: one | two\none; Conflicts: (\ntwo', 'app')).toEqual(['app', 'two']);
  });
});

describe('whatever it answers', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'v', 'w'];
  const relation = fc
    .tuple(fc.constantFrom(...names), fc.constantFrom('', '', ' (>= 2)', ' (<< 2)'))
    .map(([name, version]) => name + version);
  const group = fc.array(relation, { minLength: 1, maxLength: 3 }).map((alternatives) => alternatives.join(' | '));
  const line = fc.record({
    version: fc.constantFrom('1.0', '2.0'),
    depends: fc.array(group, { maxLength: 3 }),
    provides: fc.array(fc.constantFrom('v', 'w (= 1)', 'w (= 2)'), { maxLength: 2 }),
    conflicts: fc.array(relation, { maxLength: 1 }),
  });
  const universe = fc
    .tuple(...names.slice(0, 6).map(() => line))
    .map((lines) =>
      lines
        .map(({ version, depends, provides, conflicts }, index) =>
          [
            `${names[index]} ${version}`,
            ...(depends.length > 0 ? [`Depends: ${depends.join(', ')}`] : []),
            ...(provides.length > 0 ? [`Provides: ${provides.join(', ')}`] : []),
            ...(conflicts.length > 0 ? [`Conflicts: ${conflicts.join(', ')}`] : []),
          ].join('; '),
        )
        .join('\n'),
    );

  it('holds: nothing that was chosen lacks anything or conflicts with another', () => {
    let solved = 0;
    fc.assert(
      fc.property(universe, (text) => {
        const resolution = solveSet(universeOf(text), ['a', 'b']);
        if (!resolution.ok) return;
        solved++;
        const { packages } = resolution;
        for (const chosen of packages) {
          for (const needed of chosen.requires) {
            expect(packages.some((offer) => needed.some((requirement) => satisfies(offer, requirement, 'amd64')))).toBe(true);
          }
          for (const conflict of chosen.conflicts) {
            expect(packages.some((other) => other !== chosen && isConflicting(other, conflict))).toBe(false);
          }
        }
      }),
      { numRuns: 2000, seed: 20261120 },
    );
    expect(solved).toBeGreaterThan(200);
  });
});
