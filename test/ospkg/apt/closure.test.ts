import { describe, expect, it } from 'vitest';
import { type ClosePackagesOptions, closePackages } from '../../../src/ospkg/apt/closure.ts';
import { UnsolvableError } from '../../../src/ospkg/index.ts';
import { indexOf, stanzasOf } from '../support.ts';

async function close(
  index: string,
  sets: Readonly<Record<string, readonly string[]>>,
  base: ClosePackagesOptions['base'] = { priorities: [] },
) {
  const closure = await closePackages(indexOf(index), { sets: Object.entries(sets).map(([name, packages]) => ({ name, packages })), base });
  return closure.packages.map(({ record, sets: names }) => `${record.name}: ${names.join(' ')}`);
}

describe('closePackages', () => {
  it('unites sets that could not be installed together, sorted by name, each package with its sets', async () => {
    const index = `
      chrony; Provides: time-daemon; Conflicts: time-daemon; Depends: lib
      ntpsec; Provides: time-daemon; Conflicts: time-daemon; Depends: lib
      lib`;
    expect(await close(index, { two: ['ntpsec'], one: ['chrony'] })).toEqual(['chrony: one', 'lib: one two', 'ntpsec: two']);
  });

  it('adds the essential packages, on which nothing depends, and what the base priorities need', async () => {
    const index = `
      app
      dpkg; Essential: yes; Depends: tar
      tar
      ping; Priority: important; Depends: libcap
      libcap
      nano; Priority: standard
      other`;
    expect(await close(index, { x: ['app'] })).toEqual(['app: x', 'dpkg: base', 'tar: base']);
    expect(await close(index, { x: ['app'] }, { priorities: ['important'], packages: ['other'] })).toEqual([
      'app: x',
      'dpkg: base',
      'libcap: base',
      'other: base',
      'ping: base',
      'tar: base',
    ]);
  });

  it('takes a base in which some packages conflict one by one', async () => {
    const index = 'one; Priority: important; Conflicts: two\ntwo; Priority: important';
    expect(await close(index, {}, { priorities: ['important'] })).toEqual(['one: base', 'two: base']);
  });

  it('brings the siblings that hosts commonly have, with what they need, and their siblings in turn', async () => {
    const index = `
      systemd 2; Source: systemd
      udev 2; Source: systemd; Priority: important; Depends: helper
      resolved 2; Source: systemd; Priority: optional
      libnss 1; Source: systemd; Priority: standard
      helper 1; Source: kit
      helper-tools 1; Source: kit; Priority: standard`;
    expect(await close(index, { x: ['systemd'] })).toEqual(['helper: base', 'helper-tools: base', 'systemd: x', 'udev: base']);
  });

  it('leaves out a sibling that cannot be installed anyway', async () => {
    const index = 'systemd; Source: s\nudev; Source: s; Priority: important; Depends: missing';
    expect(await close(index, { x: ['systemd'] })).toEqual(['systemd: x']);
  });

  it('brings what needs a named package, or what that one needs exactly, in exactly its version', async () => {
    const index = `
      client 2; Source: nfs; Depends: lib (= 2), helper (= 2), shell
      lib 2; Source: nfs
      helper 2; Source: nfs
      shell 1; Source: shell
      server 2; Source: nfs; Priority: optional; Depends: client (= 2), extra
      dev 2; Source: nfs; Depends: lib (= 2)
      dev-doc 2; Source: nfs; Depends: dev (= 2)
      loose 2; Source: nfs; Depends: client (>= 1)
      alternative 2; Source: nfs; Depends: client (= 2) | other
      impossible 2; Source: nfs; Depends: client (= 2), missing
      foreign 2; Source: foreign; Depends: client (= 2)
      shell-doc 1; Source: shell; Depends: shell (= 1)
      extra`;
    expect(await close(index, { x: ['client'] })).toEqual([
      'client: x',
      'dev: base',
      'dev-doc: base',
      'extra: base',
      'helper: x',
      'lib: x',
      'server: base',
      'shell: x',
    ]);
  });

  it('gives plain records that stand by themselves', async () => {
    const { packages } = await closePackages(indexOf('app; Description: Zürich'), {
      sets: [{ name: 'x', packages: ['app'] }],
      base: { priorities: [] },
    });
    const record = packages[0]?.record;
    expect({ ...record }).toMatchObject({ name: 'app', repository: 'http://test.invalid/debian', size: 100 });
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    expect({ ...record }.stanza).toContain('Description: Zürich');
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  });

  it('names every package of every set that cannot be installed, with its reasons', async () => {
    const index = 'good\nbad; Depends: missing\nworse; Depends: bad';
    const attempt = () => close(index, { one: ['good', 'nosuch'], two: ['worse', 'mysql-server'] });
    await expect(attempt()).rejects.toThrow(UnsolvableError);
    try {
      await attempt();
    } catch (error) {
      if (!(error instanceof UnsolvableError)) throw error;
      expect(error).toMatchObject({ code: 'PACKAGE_UNSOLVABLE', exitStatus: 5 });
      expect(error.disqualifications.map(({ set, package: name }) => `${set}/${name}`)).toEqual([
        'one/nosuch',
        'two/mysql-server',
        'two/worse',
      ]);
      expect(error.message).toBe(
        [
          'Cannot choose packages:',
          '  "nosuch" of package set "one":',
          '    "nosuch": no repository offers it',
          '    would help: Add the repository or suite that offers "nosuch"',
          '  "mysql-server" of package set "two":',
          '    "mysql-server": no repository offers it',
          '    would help: Add the repository or suite that offers "mysql-server"',
          '  "worse" of package set "two":',
          '    "worse" needs "bad"',
          '      "bad" needs "missing"',
          '        "missing": no repository offers it',
          '    would help: Add the repository or suite that offers "missing"',
        ].join('\n'),
      );
    }
  });

  it('does not depend on the order of sets or of the index', async () => {
    const index = `
      app; Depends: awk, lib
      mawk; Provides: awk
      gawk; Provides: awk
      lib; Source: l
      lib-bin; Source: l; Priority: standard`;
    const backwards = index.trim().split('\n').reverse().join('\n');
    expect(await close(backwards, { b: ['lib'], a: ['app'] })).toEqual(await close(index, { a: ['app'], b: ['lib'] }));
    expect(stanzasOf(index)).toHaveLength(5);
  });
});

const CLOCKS = `
  chrony; Provides: time-daemon; Conflicts: time-daemon
  ntpsec; Provides: time-daemon; Conflicts: time-daemon
  lib`;

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing is wrong',
    (error: unknown) => (error instanceof UnsolvableError ? error.message : String(error)),
  );
}

describe('sets that one host gets', () => {
  const sets = [
    { name: 'docker', packages: ['chrony', 'lib'], askedBy: ['component "engine"'] },
    { name: 'nfs', packages: ['ntpsec'], askedBy: ['role "storage"', 'component "nfs"'] },
  ];

  it('are refused when they conflict, and both askers are named', async () => {
    const close = closePackages(indexOf(CLOCKS), { sets, together: [['docker', 'nfs']], base: { priorities: [] } });
    expect(await messageOf(close)).toBe(
      [
        'Cannot choose packages:',
        '  "ntpsec" of package set "nfs" (for role "storage", component "nfs"), on hosts that get package set "docker" (for component "engine") too:',
        '    "ntpsec" conflicts with "chrony", which is already chosen: "ntpsec" cannot be installed beside "time-daemon"',
        '    would help: Take one of the packages out of its set, or give the sets to roles that no host has at the same time',
      ].join('\n'),
    );
  });

  it('may conflict on hosts of different kinds, which is a warning', async () => {
    const warnings: string[] = [];
    const { packages } = await closePackages(indexOf(CLOCKS), {
      sets,
      together: [['docker'], ['nfs']],
      base: { priorities: [] },
      emit: (event) => warnings.push(event.type === 'warning' ? event.message : event.type),
    });
    expect(packages.map(({ record, sets: names }) => `${record.name}: ${names.join(' ')}`)).toEqual([
      'chrony: docker',
      'lib: docker',
      'ntpsec: nfs',
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/^No host can get package set "nfs" \(for role "storage".*"docker" .for component "engine"/),
    ]);
  });

  it('are solved as one: what one set needs decides between the alternatives of another', async () => {
    const index = 'a; Depends: x | y\nb; Depends: y; Conflicts: x\nx\ny';
    const both = [
      { name: 'one', packages: ['a'] },
      { name: 'two', packages: ['b'] },
    ];
    const of = async (together: readonly (readonly string[])[]) => {
      const { packages } = await closePackages(indexOf(index), { sets: both, together, base: { priorities: [] } });
      return packages.map(({ record, sets: names }) => `${record.name}: ${names.join(' ')}`);
    };
    expect(await of([['one', 'two']])).toEqual(['a: one', 'b: two', 'y: one two']);
  });

  it('names three of them when any two could be installed', async () => {
    const index = 'a; Depends: x | y\nb; Conflicts: x\nc; Conflicts: y\nx\ny';
    const three = ['a', 'b', 'c'].map((name) => ({ name: `set-${name}`, packages: [name], askedBy: [`role "${name}"`] }));
    const close = closePackages(indexOf(index), { sets: three, together: [three.map(({ name }) => name)], base: { priorities: [] } });
    const message = await messageOf(close);
    for (const name of ['a', 'b', 'c']) expect(message).toContain(`package set "set-${name}" (for role "${name}")`);
  });
});

describe('versions that sets ask for', () => {
  const index = 'tool 1.33.9\ntool 1.34.4\ntool 1.34.5\nuser; Depends: tool (>= 1.34)';
  const of = async (...wanted: readonly string[]) => {
    const sets = wanted.map((text, place) => ({ name: `set${place}`, packages: text.split(' ') }));
    return (await closePackages(indexOf(index), { sets, base: { priorities: [] } })).packages.map(({ record }) => record.version);
  };

  it('hold for every set, so that hosts find one version', async () => {
    expect(await of('tool=1.34.4', 'user')).toEqual(['1.34.4', '1.0']);
    expect(await of('tool=1.3?.*')).toEqual(['1.34.5']);
    expect(await of('tool=1.34.*', 'tool=*.4')).toEqual(['1.34.4']);
  });

  it('are refused with all that is on offer and what would help', async () => {
    expect(await messageOf(of('tool=1.35.*'))).toBe(
      [
        'Cannot choose packages:',
        '  "tool" of package set "set0":',
        '    "tool": no version on offer is one',
        '      1.34.5 (amd64) of "stable" at http://test.invalid/debian: package set "set0" asks for "tool=1.35.*"',
        '      1.34.4 (amd64) of "stable" at http://test.invalid/debian: package set "set0" asks for "tool=1.35.*"',
        '      1.33.9 (amd64) of "stable" at http://test.invalid/debian: package set "set0" asks for "tool=1.35.*"',
        '    would help: Ask for a version of "tool" that is on offer: 1.34.5, 1.34.4, 1.33.9; a * at the end stands for the rest',
      ].join('\n'),
    );
    expect(await messageOf(of('tool=1.33.9', 'tool=1.34.4'))).toMatch(
      /package set "set1" asks for "tool=1.34.4"[^]*package set "set0" asks/,
    );
    expect(await messageOf(of('tool=1.33.*', 'user'))).toContain('"user" needs "tool (>= 1.34)"');
  });
});

describe('versions that a lock holds', () => {
  const index = 'app 2; Depends: lib (>= 2)\napp 1; Depends: lib\nlib 3\nlib 2\nlib 1\nother 2\nother 1';
  const of = async (held: Readonly<Record<string, string>>) => {
    const sets = [{ name: 'x', packages: ['app', 'other'] }];
    const closure = await closePackages(indexOf(index), { sets, base: { priorities: [] }, held: new Map(Object.entries(held)) });
    return closure.packages.map(({ record: { name, version } }) => `${name} ${version}`);
  };

  it('stay while they are on offer, and others move to the newest', async () => {
    expect(await of({ app: '1', lib: '1', other: '1' })).toEqual(['app 1', 'lib 1', 'other 1']);
    expect(await of({ lib: '2', other: '1' })).toEqual(['app 2', 'lib 2', 'other 1']);
    expect(await of({ app: '1', lib: '1', other: '1.5' })).toEqual(['app 1', 'lib 1', 'other 2']);
  });

  it('are named where they stand in the way of what moves', async () => {
    const message = await messageOf(of({ lib: '1', other: '1' }));
    expect(message).toContain('3 (amd64) of "stable" at http://test.invalid/debian: the lock holds "lib" at 1');
    expect(message).toContain('would help: Move "lib", too: name it with --update');
  });
});

describe('what is excluded, recommended or tied', () => {
  const base = { priorities: ['required'] };

  it('is left out, and the answer says that taking it back would help', async () => {
    const index = 'app; Depends: one | two\none\ntwo';
    const of = (exclude: readonly string[]) => closePackages(indexOf(index), { sets: [{ name: 's', packages: ['app'] }], exclude, base });
    expect((await of(['o*'])).packages.map(({ record }) => record.name)).toEqual(['app', 'two']);
    expect(await messageOf(of(['one', 't?o']))).toMatch(
      /"exclude" of the manifest leaves out "t\?o"[^]*would help: Take "one" out of what "exclude" names/,
    );
  });

  it('comes along where a set wants it, but not for what hosts have already', async () => {
    const index = `
      app; Recommends: doc, absent, enemy; Depends: lib, core
      lib; Recommends: lib-extra
      core; Priority: required; Recommends: core-extra
      foe; Conflicts: enemy
      enemy
      doc
      lib-extra
      core-extra`;
    const of = async (recommends: boolean) => {
      const sets = [{ name: 's', packages: ['foe', 'app'], recommends }];
      return (await closePackages(indexOf(index), { sets, base })).packages.map(
        ({ record, sets: names }) => `${record.name}: ${names.join(' ')}`,
      );
    };
    expect(await of(false)).toEqual(['app: s', 'core: base s', 'foe: s', 'lib: s']);
    expect(await of(true)).toEqual(['app: s', 'core: base s', 'doc: s', 'foe: s', 'lib: s', 'lib-extra: s']);
  });

  it('comes along with what two sets bring, whichever of them wants it', async () => {
    const index = 'plain; Depends: lib\nfull; Depends: lib\nlib; Recommends: lib-extra\nlib-extra';
    for (const wanting of [true, false]) {
      const sets = [
        { name: 'a', packages: [wanting ? 'plain' : 'full'] },
        { name: 'b', packages: [wanting ? 'full' : 'plain'], recommends: true },
      ];
      const { packages } = await closePackages(indexOf(index), { sets, together: [['a', 'b']], base });
      expect(packages.map(({ record }) => record.name)).toEqual(['full', 'lib', 'lib-extra', 'plain']);
    }
  });

  it('is told when several packages provide a name alike, unless a set names one of them', async () => {
    const index = 'app; Depends: virtual\na; Provides: virtual\nb; Provides: virtual\nc; Provides: virtual; Priority: extra';
    const of = async (...packages: readonly string[]) =>
      (await closePackages(indexOf(index), { sets: [{ name: 's', packages }], base })).ties;
    expect(await of('app')).toEqual([{ name: 'virtual', taken: 'a', others: ['b'] }]);
    expect(await of('app', 'b')).toEqual([]);
  });
});
