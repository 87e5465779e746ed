import { describe, expect, it } from 'vitest';
import type { AptRecord } from '../../../src/ospkg/apt/apt-record.ts';
import { describeDeb } from '../../../src/ospkg/apt/describe-deb.ts';
import { digestOf } from '../../../src/core/index.ts';

const RECORD: AptRecord = {
  ...{ name: 'libc6', version: '2.36-9', architecture: 'amd64', source: { name: 'libc6', version: '2.36-9' } },
  ...{ repository: 'http://test.invalid', filename: 'pool/a.deb', size: 1, digest: digestOf('a'), stanza: 'Package: libc6' },
};

describe('describeDeb', () => {
  it('names a package as purl does: vendor, architecture and system beside name and version', () => {
    expect(describeDeb(RECORD, 'debian-12')).toEqual({
      purl: { type: 'deb', namespace: 'debian', name: 'libc6', version: '2.36-9', qualifiers: { arch: 'amd64', distro: 'debian-12' } },
      needs: [],
      provides: [],
      isForAllArchitectures: false,
    });
    expect(describeDeb(RECORD, 'linux-mint-22').purl.namespace).toBe('linux-mint');
    expect(describeDeb(RECORD, 'debian').purl.namespace).toBe('debian');
  });

  it.each([
    ['another name', { name: 'glibc', version: '2.36-9' }, 'glibc'],
    ['another version', { name: 'libc6', version: '2.36' }, 'libc6@2.36'],
    ['both', { name: 'glibc', version: '2.36' }, 'glibc@2.36'],
  ])('names the source package where that has %s', (_, source, upstream) => {
    expect(describeDeb({ ...RECORD, source }, 'debian-12').purl.qualifiers).toEqual({ arch: 'amd64', distro: 'debian-12', upstream });
  });

  it.each([
    ['License: MIT', 'MIT'],
    ['license:\tGPL-2.0 or later  ', 'GPL-2.0 or later'],
    ['License:', undefined],
    ['X-License: MIT', undefined],
  ])('takes the licence out of %j: %s', (line, licence) => {
    const found = describeDeb({ ...RECORD, stanza: `Package: libc6\n${line}\nSize: 1` }, 'debian-12');
    expect(found.licence).toBe(licence);
    expect('licence' in found).toBe(licence !== undefined);
  });

  it.each([
    ['Debian Lib <lib@example.org>', { name: 'Debian Lib', email: 'lib@example.org' }],
    ['"A, B" Inc.', { name: '"A, B" Inc.' }],
    ['<lib@example.org>', { name: 'lib@example.org', email: 'lib@example.org' }],
    ['<>', undefined],
  ])('takes the supplier out of the maintainer %j', (maintainer, supplier) => {
    expect(describeDeb({ ...RECORD, stanza: `Package: libc6\nMaintainer: ${maintainer}` }, 'debian-12').supplier).toEqual(supplier);
  });

  it('tells the names that a package needs, with their alternatives, and those that it provides', () => {
    const stanza = 'Package: libc6\nPre-Depends: dpkg (>= 1.0)\nDepends: a | b:any,\n c [arm64], d\nProvides: libc, libc-abi (= 2)';
    const { needs, provides } = describeDeb({ ...RECORD, stanza }, 'debian-12');
    expect(needs).toEqual([['dpkg'], ['a', 'b'], ['d']]);
    expect(provides).toEqual(['libc', 'libc-abi']);
    expect(() => describeDeb({ ...RECORD, stanza: 'Package: libc6\nDepends: ((' }, 'debian-12')).toThrow('libc6');
  });
});
