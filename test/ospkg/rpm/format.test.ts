import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/core/index.ts';
import { generateRepositoryKey, packageFormat, type PackageRequest, type SystemPackages } from '../../../src/ospkg/index.ts';
import { parseElement } from '../../../src/ospkg/rpm/xml.ts';
import { primaryElement } from '../../../src/ospkg/rpm/primary-element.ts';
import { signDetached } from '../../../src/ospkg/rpm/sign-repo.ts';
import { rpmPackagePath, writeRpmRepository } from '../../../src/ospkg/rpm/write-repo.ts';
import { describePackageFormat, RELEASED, type PublishedRepository, type SamplePackage } from '../../contract/package-format.ts';
import { makeRpm } from '../../support/make-rpm.ts';
import { primaryElement as drawnElement, type DrawnPackage } from '../../support/rpm-universe.ts';

const MIRROR = 'http://mirror.example/os';
const ARCHITECTURES = ['x86_64', 'aarch64'];
const vendorKey = await generateRepositoryKey({ userId: 'Vendor', date: new Date('2025-01-01T00:00:00Z') });
const keyring = Buffer.from(vendorKey.publicKey);

async function publish(packages: readonly SamplePackage[]): Promise<PublishedRepository> {
  const words = (item: SamplePackage): readonly string[] => (item.architecture === 'all' ? ['noarch'] : ARCHITECTURES);
  const items = await Promise.all(packages.flatMap((item) => words(item).map((word) => recordOf(item, word))));
  const metadata = writeRpmRepository({ date: RELEASED, packages: items.map(({ record }) => ({ record, path: record.filename })) });
  const repomd = metadata.get('repodata/repomd.xml') ?? Buffer.alloc(0);
  const files = new Map([
    ...metadata,
    ['repodata/repomd.xml.asc', Buffer.from(await signDetached(repomd, vendorKey.privateKey, RELEASED))] as const,
  ]);
  for (const { record, bytes } of items) files.set(record.filename, bytes);
  return {
    system: systemAt(`${MIRROR}/`, 'keys/vendor.asc'),
    keyring,
    files: new Map([...files].map(([path, bytes]) => [`${MIRROR}/${path}`, bytes])),
  };
}

function systemAt(url: string, signedBy: string): SystemPackages {
  return {
    packages: 'rpm',
    repositories: [{ url, signedBy, signed: 'metadata', prefer: [] }],
    exclude: [],
    base: { packages: [] },
    packageSets: [],
  };
}

async function recordOf({ name, needs = [] }: SamplePackage, architecture: string) {
  const bytes = await makeRpm({ name, version: '1.0', release: '1', architecture }, vendorKey.privateKey);
  const digest = digestOf(bytes);
  const drawn: DrawnPackage = { name, epoch: 0, version: '1.0', release: '1', architecture, files: [], relations: { requires: needs } };
  const element = primaryElement(parseElement(drawnElement(drawn, { size: bytes.byteLength })), digest, []);
  const identity = { name, version: '1.0-1', architecture, source: { name, version: '1.0-1' } };
  const record = { ...identity, repository: MIRROR, filename: rpmPackagePath(identity), size: bytes.byteLength, digest, element };
  return { record, bytes };
}

describePackageFormat('rpm', () => ({
  format: packageFormat('rpm'),
  architectures: [
    ['linux/amd64', 'x86_64'],
    ['linux/arm64', 'aarch64'],
  ],
  versions: ['1.0~rc1-1', '1.0-1', '1.0-2', '1.0^git1-1', '1.10-1', '1:0.1-1'],
  publish,
  packageKeys: keyring,
  systemOf: (_, url) => systemAt(url, 'keys/site.asc'),
}));

describe('the digest of a request', () => {
  const source = {
    packages: 'rpm',
    sources: [{ url: MIRROR, signed: 'metadata', keys: [vendorKey.publicKey] }],
    base: { packages: ['bash'] },
  } as const;
  const request = { id: 'rocky-9', architecture: 'x86_64', source, sets: [{ name: 'tools', packages: ['hello'] }] } as const;
  const [mirror] = source.sources;
  const [tools] = request.sets;

  it.each<readonly [string, PackageRequest]>([
    ['another system', { ...request, id: 'rocky-10' }],
    ['another architecture', { ...request, architecture: 'aarch64' }],
    ['another mirror', { ...request, source: { ...source, sources: [{ ...mirror, url: 'http://other.example' }] } }],
    ['metadata that is not signed', { ...request, source: { ...source, sources: [{ ...mirror, signed: 'packages' }] } }],
    ['another key', { ...request, source: { ...source, sources: [{ ...mirror, keys: ['other'] }] } }],
    ['a preferred package', { ...request, source: { ...source, sources: [{ ...mirror, prefer: ['hello'] }] } }],
    ['an excluded package', { ...request, source: { ...source, exclude: ['hello'] } }],
    ['another base', { ...request, source: { ...source, base: { packages: [] } } }],
    ['another package', { ...request, sets: [{ ...tools, packages: ['other'] }] }],
    ['what packages recommend', { ...request, sets: [{ ...tools, recommends: true }] }],
    ['sets that one host gets', { ...request, together: [['tools', 'other']] }],
  ])('is another for %s', (_, other) => {
    expect(packageFormat('rpm').digestOf(other)).not.toBe(packageFormat('rpm').digestOf(request));
  });
});
