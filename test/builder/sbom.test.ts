import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { PackageURL } from 'packageurl-js';
import { describe, expect, it } from 'vitest';
import { planBundle } from '../../src/bundle/index.ts';
import { digestOf, hexOf } from '../../src/core/index.ts';
import type { BundleLock } from '../../src/builder/lock.ts';
import { planBuild } from '../../src/builder/plan.ts';
import { fakeImage, lockedImage, lockedPackage, sampleLock, type SampleLock } from './fixtures.ts';

const facts = {
  name: 'demo',
  version: '1.0',
  date: new Date('2026-01-02T03:04:05Z'),
  files: [
    { path: 'images.txt', content: Buffer.from('list') },
    { path: 'manifests/platform.yaml', content: Buffer.from('kind: Platform\n') },
  ],
};

const platforms = ['linux/amd64', 'linux/arm64'];
const multi = fakeImage(['base', 'multi'], platforms);

/** Names with all that a purl escapes, a source package of another version, a licence, an archive, an index. */
const richLock = sampleLock({
  platforms,
  images: [
    lockedImage('quay.io:5000/team/app:1.2', 'goodname.example/app:v1', fakeImage(['base', 'app'])),
    lockedImage('docker.io/library/nginx:1.27', 'docker.io/library/nginx:1.27', multi),
    lockedImage('docker-archive:/media/some file.tar', 'example.com/from/archive:2', fakeImage(['archive'])),
  ],
  operatingSystems: ['amd64', 'arm64'].map((architecture) => ({
    id: 'debian-12',
    architecture,
    codename: 'bookworm',
    inputs: digestOf('inputs'),
    releases: [],
    packages: [
      {
        ...lockedPackage('libstdc++6', 'c++', architecture),
        version: '1:12.2~rc1-14+b1',
        source: { name: 'gcc-12', version: '12.2~rc1-14' },
      },
      lockedPackage('tzdata', 'zones', 'all'),
      licensed(lockedPackage('agent', 'agent', architecture), 'Apache-2.0 or "else"'),
    ],
  })),
  executables: platforms.map((platform) => ({ platform, digest: digestOf(platform), size: 10 })),
});

function licensed(record: ReturnType<typeof lockedPackage>, licence: string): ReturnType<typeof lockedPackage> {
  return withFields(record, `License: ${licence}`);
}

function withFields(record: ReturnType<typeof lockedPackage>, fields: string): ReturnType<typeof lockedPackage> {
  return { ...record, stanza: `${record.stanza}\n${fields}` };
}

/** The lock with a maintainer of each package, as repositories have it. */
function maintained(lock: SampleLock): SampleLock {
  const operatingSystems = lock.operatingSystems.map((system) => ({
    ...system,
    packages: system.packages.map((record) => withFields(record, 'Maintainer: Somebody <x@example.org>')),
  }));
  return { ...lock, operatingSystems };
}

function sbomOf(lock: BundleLock, changes: Partial<typeof facts> = {}): string {
  const file = planBuild(lock, { ...facts, ...changes }).input.files.find(({ path }) => path === 'sbom.cdx.json');
  return Buffer.from(file?.content ?? []).toString();
}

interface Component {
  readonly type: string;
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly supplier?: { readonly name: string };
  readonly hashes: readonly { readonly content: string }[];
}

interface Sbom {
  readonly serialNumber: string;
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  readonly metadata: { readonly timestamp: string };
  readonly components: readonly Component[];
}

/** Its shape is what the first test checks. */
function parsed(text: string): Sbom {
  return JSON.parse(text) as Sbom;
}

function componentOf(lock: BundleLock, reference: string): Component | undefined {
  return parsed(sbomOf(lock)).components.find((component) => component['bom-ref'] === reference);
}

describe('sbomDocument', () => {
  const validator = new JsonStrictValidator(Version.v1dot6);

  it.each([
    ['a bundle of everything', richLock],
    ['a small bundle', sampleLock()],
    ['a bundle of nothing', sampleLock({ images: [], operatingSystems: [], executables: [] })],
  ])('is valid by the official schema for %s', async (_, lock) => {
    expect(await validator.validate(sbomOf(lock))).toBeNull();
  });

  it('would not pass the schema with a key that it does not know', async () => {
    const text = sbomOf(richLock).replace('"bom-ref"', '"bomref"');
    expect(await validator.validate(text)).not.toBeNull();
  });

  it('has every image, package and file of the bundle, each with its digest', () => {
    const { input } = planBuild(richLock, facts);
    const digests = new Set(parsed(sbomOf(richLock)).components.flatMap(({ hashes }) => hashes.map(({ content }) => content)));
    const own = input.files.filter(({ path }) => path !== 'sbom.cdx.json');
    const notBlobs = own.filter(({ kind }) => kind !== 'blob');
    expect(notBlobs.length).toBeGreaterThan(10);
    expect(notBlobs.filter(({ digest }) => !digests.has(hexOf(digest))).map(({ path }) => path)).toEqual([]);
    const manifests = richLock.images.flatMap((image) => image.manifests.map(({ manifest }) => hexOf(manifest.digest)));
    expect(manifests.filter((digest) => !digests.has(digest))).toEqual([]);
  });

  it('names packages by purls that the purl library reads back', () => {
    const purls = parsed(sbomOf(richLock)).components.flatMap(({ type, purl }) =>
      type === 'library' ? [PackageURL.fromString(purl ?? '')] : [],
    );
    expect(purls.map(({ type, namespace, name, version, qualifiers }) => ({ type, namespace, name, version, ...qualifiers }))).toEqual([
      { type: 'deb', namespace: 'debian', name: 'agent', version: '1.0', arch: 'amd64', distro: 'debian-12' },
      { type: 'deb', namespace: 'debian', name: 'agent', version: '1.0', arch: 'arm64', distro: 'debian-12' },
      ...['amd64', 'arm64'].map((arch) => ({
        type: 'deb',
        namespace: 'debian',
        name: 'libstdc++6',
        version: '1:12.2~rc1-14+b1',
        arch,
        distro: 'debian-12',
        upstream: 'gcc-12@12.2~rc1-14',
      })),
      { type: 'deb', namespace: 'debian', name: 'tzdata', version: '1.0', arch: 'all', distro: 'debian-12' },
    ]);
  });

  it('names an image by the digest of its manifest for the platform, and by where it came from', () => {
    const arm = multi.resolved.manifests[1]?.manifest.digest ?? '';
    const component = componentOf(richLock, 'image:docker.io/library/nginx:1.27?platform=linux/arm64');
    expect(component).toMatchObject({
      type: 'container',
      name: 'docker.io/library/nginx',
      version: '1.27',
      properties: expect.arrayContaining([{ name: 'caisson:index', value: multi.resolved.root.digest }]),
    });
    const { type, name, version, qualifiers } = PackageURL.fromString(component?.purl ?? '');
    expect({ type, name, version, ...qualifiers }).toEqual({
      type: 'oci',
      name: 'nginx',
      version: arm,
      arch: 'arm64',
      tag: '1.27',
      repository_url: 'docker.io/library/nginx',
    });
  });

  it('takes the source for the purl, not the name that nodes use, and the name where the source is no reference', () => {
    const renamed = PackageURL.fromString(componentOf(richLock, 'image:goodname.example/app:v1?platform=linux/amd64')?.purl ?? '');
    expect(renamed.qualifiers).toMatchObject({ repository_url: 'quay.io:5000/team/app', tag: '1.2' });
    const archive = PackageURL.fromString(componentOf(richLock, 'image:example.com/from/archive:2?platform=linux/amd64')?.purl ?? '');
    expect(archive.qualifiers).toMatchObject({ repository_url: 'example.com/from/archive', tag: '2' });
  });

  it('says the licence of a package whose metadata does, and of no other', () => {
    const packages = parsed(sbomOf(richLock)).components.filter(({ type }) => type === 'library');
    const licences = packages.map((component) => [component.name, 'licenses' in component ? component.licenses : undefined]);
    expect(Object.fromEntries(licences)).toEqual({
      agent: [{ license: { name: 'Apache-2.0 or "else"' } }],
      'libstdc++6': undefined,
      tzdata: undefined,
    });
  });

  it('has the minimum elements of NTIA for each component: supplier, name, version, identifier, dependencies', () => {
    const { components, dependencies } = parsed(sbomOf(maintained(richLock)));
    const lacking = components.filter(({ supplier, name, version, 'bom-ref': ref }) =>
      [supplier?.name, name, version, ref].some((text) => (text ?? '') === ''),
    );
    expect(lacking).toEqual([]);
    const refs = components.map((component) => component['bom-ref']);
    expect(new Set(refs).size).toBe(refs.length);
    expect(dependencies.map(({ ref }) => ref)).toEqual(['bundle', ...refs]);
    expect(dependencies[0]?.dependsOn).toEqual(refs);
  });

  it('tells which packages of the bundle a package needs, of its own architecture, by name or by what they provide', () => {
    const lock = sampleLock({
      operatingSystems: ['amd64', 'arm64'].map((architecture) => ({
        id: 'debian-12',
        architecture,
        codename: 'bookworm',
        inputs: digestOf('inputs'),
        releases: [],
        packages: [
          withFields(lockedPackage('app', 'app', architecture), 'Depends: zones, missing | mta, app'),
          withFields(lockedPackage('exim', 'exim', architecture), 'Provides: mta'),
          lockedPackage('zones', 'zones', 'all'),
        ],
      })),
    });
    const needs = new Map(parsed(sbomOf(lock)).dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const reference = (name: string, architecture: string) =>
      `package:apt/debian-12/pool/main/${name[0]}/${name}/${name}_1.0_${architecture}.deb`;
    for (const architecture of ['amd64', 'arm64'])
      expect(needs.get(reference('app', architecture))).toEqual([reference('exim', architecture), reference('zones', 'all')]);
    expect(needs.get(reference('zones', 'all'))).toEqual([]);
  });

  it('lists the executable of each platform as an application', () => {
    const applications = parsed(sbomOf(richLock)).components.filter(({ type }) => type === 'application');
    expect(applications.map(({ name }) => name)).toEqual(['caisson-linux-amd64', 'caisson-linux-arm64']);
  });

  it('is the same bytes for the same lock, whatever the order of what is in it', () => {
    const shuffled = {
      ...richLock,
      images: richLock.images.toReversed(),
      operatingSystems: richLock.operatingSystems.map((system) => ({ ...system, packages: system.packages.toReversed() })).toReversed(),
      executables: richLock.executables.toReversed(),
    };
    expect(sbomOf(shuffled, { files: facts.files.toReversed() })).toBe(sbomOf(richLock));
  });

  it('has the date of the bundle, as SOURCE_DATE_EPOCH sets it, and a serial number that changes with any of its content', () => {
    const first = parsed(sbomOf(richLock));
    expect(first.metadata.timestamp).toBe('2026-01-02T03:04:05Z');
    expect(first.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const later = parsed(sbomOf(richLock, { date: new Date('2026-02-02T00:00:00Z') }));
    expect(later.metadata.timestamp).toBe('2026-02-02T00:00:00Z');
    const other = parsed(sbomOf(richLock, { files: [] }));
    expect(new Set([first, later, other].map(({ serialNumber }) => serialNumber)).size).toBe(3);
  });

  it('lies with the metadata at the start of the bundle, and is listed as the other members are', () => {
    const { manifest } = planBundle(planBuild(richLock, facts).input);
    expect(manifest.entries.slice(0, 5).map(({ path, kind }) => ({ path, kind }))).toEqual([
      { path: 'oci-layout', kind: 'metadata' },
      { path: 'index.json', kind: 'metadata' },
      { path: 'manifest.json', kind: 'metadata' },
      { path: 'sbom.cdx.json', kind: 'metadata' },
      { path: expect.stringMatching(/^apt\//), kind: 'repository' },
    ]);
  });
});
