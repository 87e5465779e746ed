import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf, hexOf } from '../../../src/core/index.ts';
import type { AptRecord } from '../../../src/ospkg/apt/apt-record.ts';
import { closePackages } from '../../../src/ospkg/apt/closure.ts';
import { aptPoolPath, writeAptRepository } from '../../../src/ospkg/apt/write-repo.ts';
import { indexOf } from '../support.ts';

async function recordsOf(index: string): Promise<AptRecord[]> {
  const sets = [...indexOf(index).records].map(({ name }) => ({ name, packages: [name] }));
  const closure = await closePackages(indexOf(index), { sets, base: { priorities: [] } });
  return closure.packages.map(({ record }) => record);
}

function write(records: readonly AptRecord[], architectures: readonly string[] = ['amd64']): ReadonlyMap<string, Buffer> {
  return writeAptRepository({
    codename: 'bookworm',
    architectures,
    origin: 'Caisson',
    label: 'cluster',
    date: new Date('2026-11-20T02:03:04Z'),
    packages: records.map((record) => ({ record, path: aptPoolPath(record) })),
  });
}

describe('aptPoolPath', () => {
  it.each([
    ['docker.io 20.10.24+dfsg1-1+b6', 'pool/main/d/docker.io/docker.io_20.10.24+dfsg1-1+b6_amd64.deb'],
    ['libc6 2.36-9; Source: glibc', 'pool/main/g/glibc/libc6_2.36-9_amd64.deb'],
    ['libcap2 1:2.66-4; Source: libcap2 (2.66)', 'pool/main/libc/libcap2/libcap2_2.66-4_amd64.deb'],
    ['docs; Architecture: all', 'pool/main/d/docs/docs_1.0_all.deb'],
  ])('of "%s" is %s', async (line, path) => {
    expect((await recordsOf(line)).map(aptPoolPath)).toEqual([path]);
  });
});

describe('writeAptRepository', async () => {
  const records = await recordsOf(
    `
    zlib; Phased-Update-Percentage: 20; Section: libs
    app 1:2.0; Architecture: all; filename: x
    lib; Section: libs`.replace('; filename: x', ''),
  );

  it('writes Release and Packages, plain and compressed, for each architecture', () => {
    expect([...write(records, ['arm64', 'amd64']).keys()]).toEqual([
      'dists/bookworm/Release',
      'dists/bookworm/main/binary-amd64/Packages',
      'dists/bookworm/main/binary-amd64/Packages.gz',
      'dists/bookworm/main/binary-arm64/Packages',
      'dists/bookworm/main/binary-arm64/Packages.gz',
    ]);
  });

  it('lists packages of the architecture and those for all, by name', () => {
    const files = write(records, ['amd64', 'arm64']);
    const names = (architecture: string) =>
      files
        .get(`dists/bookworm/main/binary-${architecture}/Packages`)
        ?.toString()
        .match(/^Package: .*/gm)
        ?.map((line) => line.slice(9));
    expect([names('amd64'), names('arm64')]).toEqual([['app', 'lib', 'zlib'], ['app']]);
  });

  it('keeps paragraphs byte for byte, but for the file name and the phase of an update', () => {
    const packages = write(records).get('dists/bookworm/main/binary-amd64/Packages')?.toString() ?? '';
    const expected = records
      .map((record) =>
        record.stanza.replace(/^Filename: .*$/m, `Filename: ${aptPoolPath(record)}`).replace('Phased-Update-Percentage: 20\n', ''),
      )
      .map((text) => `${text}\n\n`);
    expect(packages).toBe(expected.join(''));
    expect(packages).not.toContain('Phased');
  });

  it('keeps a continuation line that looks like a field', async () => {
    const [record] = await recordsOf('app');
    if (record === undefined) throw new Error('no record');
    const tricky = { ...record, stanza: `${record.stanza}\nDescription: x\n Filename: inside\n .\n é` };
    const packages = write([tricky]).get('dists/bookworm/main/binary-amd64/Packages')?.toString() ?? '';
    expect(packages).toContain('\n Filename: inside\n .\n é\n\n');
  });

  it('writes a Release that lists both forms, without Valid-Until, at the given time', () => {
    const files = write(records);
    const release = files.get('dists/bookworm/Release')?.toString() ?? '';
    const listed = ['Packages', 'Packages.gz'].map((name) => {
      const content = files.get(`dists/bookworm/main/binary-amd64/${name}`) ?? Buffer.alloc(0);
      return ` ${hexOf(digestOf(content))} ${content.byteLength} main/binary-amd64/${name}`;
    });
    expect(release.split('\n')).toEqual([
      'Origin: Caisson',
      'Label: cluster',
      'Suite: bookworm',
      'Codename: bookworm',
      'Date: Fri, 20 Nov 2026 02:03:04 UTC',
      'Architectures: amd64',
      'Components: main',
      'SHA256:',
      ...listed,
      '',
    ]);
  });

  it.each([0, 1, 300, 1500])('compresses %i packages so that gunzip gives the plain index', async (count) => {
    const [record] = await recordsOf('app');
    if (record === undefined) throw new Error('no record');
    const files = write(Array.from({ length: count }, (_, index) => ({ ...record, name: `app${index}` })));
    const zipped = files.get('dists/bookworm/main/binary-amd64/Packages.gz') ?? Buffer.alloc(0);
    expect(gunzipSync(zipped).equals(files.get('dists/bookworm/main/binary-amd64/Packages') ?? Buffer.alloc(1))).toBe(true);
  });

  it('gives the same bytes for the same packages in any order', () => {
    expect([...write(records.toReversed())]).toEqual([...write(records)]);
  });
});
