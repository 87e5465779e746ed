import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/core/index.ts';
import type { AptRecord } from '../../../src/ospkg/apt/apt-record.ts';
import { signRelease } from '../../../src/ospkg/apt/sign-repo.ts';
import { aptPoolPath, writeAptRepository } from '../../../src/ospkg/apt/write-repo.ts';
import { generateRepositoryKey, packageFormat, type PackageRequest } from '../../../src/ospkg/index.ts';
import { describePackageFormat, RELEASED, type PublishedRepository, type SamplePackage } from '../../contract/package-format.ts';
import { stanza } from '../support.ts';

const MIRROR = 'http://mirror.example/debian';
const ARCHITECTURES = ['amd64', 'arm64'];
const archiveKey = await generateRepositoryKey({ userId: 'Archive', date: new Date('2025-01-01T00:00:00Z') });
const NO_BASE = { priorities: [], packages: [] };
const SOURCE = { suites: ['bookworm'], components: ['main'], signedBy: 'keys/archive.asc' };

async function publish(packages: readonly SamplePackage[]): Promise<PublishedRepository> {
  const items = packages.flatMap((item) => (item.architecture === 'all' ? ['all'] : ARCHITECTURES).map((word) => recordOf(item, word)));
  const placed = items.map(({ record }) => ({ record, path: record.filename }));
  const metadata = writeAptRepository({
    codename: 'bookworm',
    architectures: ARCHITECTURES,
    origin: 'Test',
    label: 'Test',
    date: RELEASED,
    packages: placed,
  });
  const { inRelease } = await signRelease(metadata.get('dists/bookworm/Release')?.toString() ?? '', archiveKey.privateKey, RELEASED);
  const files = new Map([...metadata, ['dists/bookworm/InRelease', Buffer.from(inRelease)] as const]);
  for (const { record, bytes } of items) files.set(record.filename, bytes);
  return {
    system: {
      packages: 'apt',
      codename: 'bookworm',
      repositories: [{ url: `${MIRROR}/`, prefer: [], ...SOURCE }],
      exclude: [],
      base: NO_BASE,
      packageSets: [],
    },
    keyring: Buffer.from(archiveKey.publicKey),
    files: new Map([...files].map(([path, bytes]) => [`${MIRROR}/${path}`, bytes])),
  };
}

function recordOf({ name, needs }: SamplePackage, architecture: string): { readonly record: AptRecord; readonly bytes: Buffer } {
  const bytes = Buffer.from(`${name} for ${architecture}`);
  const identity = { name, version: '1.0', architecture, source: { name, version: '1.0' } };
  const [size, digest] = [bytes.byteLength, digestOf(bytes)];
  const file = { repository: MIRROR, filename: aptPoolPath({ ...identity, repository: '', filename: '', size, digest }), size, digest };
  const text = stanza({
    Package: name,
    Architecture: architecture,
    Filename: file.filename,
    Size: String(size),
    SHA256: digest.slice('sha256:'.length),
    ...(needs === undefined ? {} : { Depends: needs.join(', ') }),
  });
  return { record: { ...identity, ...file, stanza: text }, bytes };
}

describePackageFormat('apt', () => ({
  format: packageFormat('apt'),
  architectures: [
    ['linux/amd64', 'amd64'],
    ['linux/arm64', 'arm64'],
  ],
  versions: ['1.0~rc1', '1.0', '1.0-1', '1.10', '1:0.1'],
  publish,
  systemOf: (repository, url) => {
    if (repository.type !== 'apt') throw new Error(`a repository of type ${repository.type}`);
    const { codename, components } = repository;
    return {
      packages: 'apt',
      codename,
      repositories: [{ url, suites: [codename], components: [...components], signedBy: 'keys/site.asc', prefer: [] }],
      exclude: [],
      base: NO_BASE,
      packageSets: [],
    };
  },
}));

describe('the digest of a request', () => {
  const keyring = Buffer.from('keyring');
  const request = {
    id: 'debian-12',
    architecture: 'amd64',
    source: {
      packages: 'apt',
      codename: 'bookworm',
      sources: [{ url: MIRROR, suites: ['bookworm'], components: ['main'], keyring }],
      base: { priorities: ['required'] },
    },
    sets: [{ name: 'tools', packages: ['hello'] }],
  } as const;
  const { source } = request;
  const [mirror] = source.sources;
  const [tools] = request.sets;

  it.each<readonly [string, PackageRequest]>([
    ['another system', { ...request, id: 'debian-13' }],
    ['another architecture', { ...request, architecture: 'arm64' }],
    ['another codename', { ...request, source: { ...source, codename: 'trixie' } }],
    ['another mirror', { ...request, source: { ...source, sources: [{ ...mirror, url: 'http://other.example' }] } }],
    ['another suite', { ...request, source: { ...source, sources: [{ ...mirror, suites: ['trixie'] }] } }],
    ['another component', { ...request, source: { ...source, sources: [{ ...mirror, components: ['contrib'] }] } }],
    ['another keyring', { ...request, source: { ...source, sources: [{ ...mirror, keyring: Buffer.from('other') }] } }],
    ['a preferred package', { ...request, source: { ...source, sources: [{ ...mirror, prefer: ['hello'] }] } }],
    ['no mirror', { ...request, source: { ...source, sources: [] } }],
    ['an excluded package', { ...request, source: { ...source, exclude: ['hello'] } }],
    ['another base', { ...request, source: { ...source, base: { priorities: [] } } }],
    ['another set', { ...request, sets: [{ ...tools, name: 'other' }] }],
    ['another package', { ...request, sets: [{ ...tools, packages: ['other'] }] }],
    ['what packages recommend', { ...request, sets: [{ ...tools, recommends: true }] }],
    ['sets that one host gets', { ...request, together: [['tools', 'other']] }],
  ])('is another for %s', (_, other) => {
    expect(packageFormat('apt').digestOf(other)).not.toBe(packageFormat('apt').digestOf(request));
  });

  it('is the same where a set says that it takes nothing that is recommended, and for a host with one set alone', () => {
    const other = { ...request, sets: [{ ...tools, recommends: false }], together: [['tools']] };
    expect(packageFormat('apt').digestOf(other)).toBe(packageFormat('apt').digestOf(request));
  });

  it('is of the text that locks in use have the digest of', () => {
    const text =
      `{"id":"debian-12","codename":"bookworm","architecture":"amd64","sources":[{"url":"${MIRROR}","suites":["bookworm"],` +
      `"components":["main"],"keyring":"${digestOf(keyring)}"}],"sets":[{"name":"tools","packages":["hello"]}],"base":["required"]}`;
    expect(packageFormat('apt').digestOf(request)).toBe(digestOf(text));
  });
});
