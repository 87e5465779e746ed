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
          '    no repository offers "nosuch"',
          '  "mysql-server" of package set "two":',
          '    no repository offers "mysql-server"',
          '  "worse" of package set "two":',
          '    "worse" needs "bad"',
          '      "bad" needs "missing"',
          '        "missing": no repository offers it',
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
