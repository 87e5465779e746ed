import { PackageURL } from 'packageurl-js';
import { fileName, type BundleInput, type PlannedFile } from '../bundle/index.ts';
import { compareText, digestOf, hasCode, hexOf, parsePlatform, sortedBy, type Digest } from '../core/index.ts';
import { parseReferenceAsWritten, repositoryName, type ImageReference } from '../oci/index.ts';
import { addressOf, type PackageDescription } from '../ospkg/index.ts';
import { parseSource } from '../sources/index.ts';
import { formatDate } from './content-date.ts';
import type { LockedArtifact, LockedImage, LockedPackage } from './lock.ts';

/** One OS package with its place in the bundle. */
export interface SbomPackage extends PackageDescription {
  /** Of the operating system, such as the name of its repository in the bundle. */
  readonly system: string;
  readonly path: string;
  readonly record: LockedPackage;
}

export interface SbomInput extends Pick<BundleInput, 'name' | 'version' | 'platforms' | 'date' | 'files'> {
  readonly images: readonly LockedImage[];
  readonly packages: readonly SbomPackage[];
}

/** The fields of a component that are written (cyclonedx.org/docs/1.6/json, components). */
interface Component {
  readonly type: 'application' | 'container' | 'library' | 'file';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version?: string;
  readonly supplier?: { readonly name: string; readonly contact?: readonly { readonly email: string }[] };
  readonly hashes?: readonly { readonly alg: 'SHA-256'; readonly content: string }[];
  readonly licenses?: readonly { readonly license: { readonly name: string } }[];
  readonly purl?: string;
  readonly externalReferences?: readonly { readonly type: 'distribution'; readonly url: string }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/**
 * The CycloneDX 1.6 document of a bundle: every image for every platform, every OS package, every file. Pure, and without
 * a clock: the time is the bundle's, the serial number is made of all the rest. Components of one kind are sorted by what
 * they are called. Licences are those that the lock knows: what the metadata of repositories says. It has what NTIA asks of
 * each component (The Minimum Elements for an SBOM, 2021): supplier, name, version, an identifier, its dependencies. The supplier of
 * an image is the registry and namespace that it comes from, of a file of files.txt the server; of other files, whose author no
 * document names, the bundle itself.
 */
export function sbomDocument(input: SbomInput): string {
  const { name, version } = input;
  const bundle: Component = { type: 'application', 'bom-ref': 'bundle', name, version, supplier: { name } };
  const components = [
    ...sortedBy(input.images.flatMap(imageComponents), referenceOf),
    ...sortedBy(input.packages.map(packageComponent), referenceOf),
    ...sortedBy(
      input.files.filter(isFile).map((file) => fileComponent(file, input)),
      referenceOf,
    ),
  ];
  const needs = packageNeeds(input.packages);
  const metadata = {
    timestamp: formatDate(input.date),
    tools: { components: [{ type: 'application', name: 'caisson' }] },
    authors: [{ name }],
    component: { ...bundle, properties: input.platforms.map((platform) => property('platform', platform)) },
  };
  const dependencies = [
    { ref: 'bundle', dependsOn: components.map(referenceOf) },
    ...components.map(({ 'bom-ref': ref }) => ({ ref, dependsOn: [...(needs.get(ref) ?? [])].sort(compareText) })),
  ];
  const serialNumber = `urn:uuid:${uuidOf(digestOf(JSON.stringify({ metadata, components, dependencies })))}`;
  const document = { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber, version: 1, metadata, components, dependencies };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

/**
 * References of the packages that each package needs, by its own reference: of the alternatives the first that the bundle has for the
 * same system and architecture, by name before those that provide it.
 */
function packageNeeds(packages: readonly SbomPackage[]): ReadonlyMap<string, ReadonlySet<string>> {
  const byName = new Map<string, SbomPackage[]>();
  const offer = (name: string, one: SbomPackage): void => {
    const key = `${one.system} ${name}`;
    byName.set(key, [...(byName.get(key) ?? []), one]);
  };
  const sorted = sortedBy(packages, ({ path }) => path);
  for (const one of sorted) offer(one.record.name, one);
  for (const one of sorted) for (const name of one.provides) offer(name, one);
  const fits = (one: SbomPackage, other: SbomPackage): boolean =>
    one.isForAllArchitectures || other.isForAllArchitectures || one.record.architecture === other.record.architecture;
  return new Map(
    packages.map((one) => {
      const needed = one.needs.flatMap((names) => {
        const found = names.flatMap((name) => byName.get(`${one.system} ${name}`) ?? []).find((other) => fits(one, other));
        return found === undefined || found === one ? [] : [packageReference(found)];
      });
      return [packageReference(one), new Set(needed)];
    }),
  );
}

function packageReference({ path }: Pick<SbomPackage, 'path'>): string {
  return `package:${path}`;
}

/** A component for each platform, since scanners know the manifests of platforms, not the index above them. */
function imageComponents(image: LockedImage): Component[] {
  const { name, source, root, manifests, artifacts = [] } = image;
  const upstream = sourceName(source) ?? reference(name);
  if (artifacts.length > 0) return artifacts.map((artifact) => artifactComponent(image, artifact, upstream));
  return manifests.map(({ platform, manifest }) => ({
    type: 'container',
    'bom-ref': `image:${name}?platform=${platform}`,
    ...nameAndTag(name, manifest.digest),
    supplier: { name: upstream === undefined ? name : supplierOf(upstream) },
    hashes: hashesOf(manifest.digest),
    ...(upstream === undefined ? {} : { purl: imagePurl(upstream, manifest.digest, platform) }),
    properties: [
      property('image', name),
      property('source', source),
      property('platform', platform),
      ...(root.digest === manifest.digest ? [] : [property('index', root.digest)]),
    ],
  }));
}

/** An artifact is a file to CycloneDX: only its own tool can take it apart. */
function artifactComponent(
  { name, source, root }: LockedImage,
  { manifest, artifactType }: LockedArtifact,
  upstream: ImageReference | undefined,
): Component {
  return {
    type: 'file',
    'bom-ref': `artifact:${name}?digest=${manifest.digest}`,
    ...nameAndTag(name, manifest.digest),
    supplier: { name: upstream === undefined ? name : supplierOf(upstream) },
    hashes: hashesOf(manifest.digest),
    ...(upstream === undefined ? {} : { purl: imagePurl(upstream, manifest.digest) }),
    properties: [
      property('image', name),
      property('source', source),
      property('artifactType', artifactType),
      ...(root.digest === manifest.digest ? [] : [property('index', root.digest)]),
    ],
  };
}

/** purl-spec, type oci: the last part of the name, the digest, and where it may be found. */
function imagePurl(image: ImageReference, digest: Digest, platform?: string): string {
  const name = image.repository.slice(image.repository.lastIndexOf('/') + 1);
  return purl('oci', undefined, name, digest, {
    ...(platform === undefined ? {} : { arch: parsePlatform(platform).architecture }),
    repository_url: repositoryName(image),
    ...(image.tag === undefined ? {} : { tag: image.tag }),
  });
}

/** Registry and namespace of an image, such as docker.io/library. */
function supplierOf(image: ImageReference): string {
  return repositoryName(image).replace(/\/[^/]*$/, '');
}

/** An image without a tag has its digest for a version. */
function nameAndTag(name: string, digest: Digest): Pick<Component, 'name' | 'version'> {
  const parsed = reference(name);
  if (parsed === undefined) return { name, version: digest };
  return { name: repositoryName(parsed), version: parsed.tag ?? digest };
}

function packageComponent({ path, record, purl: address, licence, supplier }: SbomPackage): Component {
  const { name, version, source, digest } = record;
  return {
    type: 'library',
    'bom-ref': packageReference({ path }),
    name,
    version,
    ...(supplier === undefined ? {} : { supplier: supplierField(supplier) }),
    hashes: hashesOf(digest),
    ...(licence === undefined ? {} : { licenses: [{ license: { name: licence } }] }),
    purl: purl(address.type, address.namespace, address.name, address.version, address.qualifiers),
    externalReferences: [{ type: 'distribution', url: addressOf(record) }],
    properties: [property('path', path), property('source', `${source.name} ${source.version}`)],
  };
}

function supplierField({ name, email }: NonNullable<PackageDescription['supplier']>): NonNullable<Component['supplier']> {
  return { name, ...(email === undefined ? {} : { contact: [{ email }] }) };
}

/** Images and packages are components of their own. */
function isFile({ kind }: PlannedFile): boolean {
  return kind !== 'blob' && kind !== 'package';
}

function fileComponent(file: PlannedFile, { name, version }: Pick<SbomInput, 'name' | 'version'>): Component {
  const { path, kind, digest } = file;
  if (kind === 'file') return listedFileComponent(file);
  return {
    type: kind === 'executable' ? 'application' : 'file',
    'bom-ref': `file:${path}`,
    name: path,
    version,
    supplier: { name: kind === 'executable' ? 'caisson' : name },
    hashes: hashesOf(digest),
    properties: [property('kind', kind)],
  };
}

/** A file that was fetched has its digest for a version, and where it was fetched for a supplier. */
function listedFileComponent({ path, kind, digest, origin }: PlannedFile): Component {
  const { host } = new URL(origin);
  const called = fileName(path) ?? path;
  return {
    type: 'file',
    'bom-ref': `file:${path}`,
    name: called,
    version: digest,
    supplier: { name: host === '' ? 'this machine' : host },
    hashes: hashesOf(digest),
    // purl-spec, type generic.
    purl: purl('generic', undefined, called.slice(called.lastIndexOf('/') + 1), digest, { checksum: digest, download_url: origin }),
    externalReferences: [{ type: 'distribution', url: origin }],
    properties: [property('kind', kind), property('path', path)],
  };
}

function purl(
  type: string,
  namespace: string | undefined,
  name: string,
  version: string,
  qualifiers: Readonly<Record<string, string>>,
): string {
  return new PackageURL(type, namespace, name, version, qualifiers, undefined).toString();
}

function hashesOf(digest: Digest): NonNullable<Component['hashes']> {
  return [{ alg: 'SHA-256', content: hexOf(digest) }];
}

function property(name: string, value: string): { readonly name: string; readonly value: string } {
  return { name: `caisson:${name}`, value };
}

function referenceOf(component: Component): string {
  return component['bom-ref'];
}

/** The registry reference of a source; undefined for archives and engines, whose names are local. */
function sourceName(text: string): ImageReference | undefined {
  const source = orNothing(() => parseSource(text));
  return source?.transport === 'registry' ? source.image : undefined;
}

/** The reference that a text is; undefined for a text that is none, such as the path of an archive. */
function reference(text: string): ImageReference | undefined {
  return orNothing(() => parseReferenceAsWritten(text));
}

function orNothing<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (hasCode(error, 'REFERENCE_INVALID')) return undefined;
    throw error;
  }
}

/** RFC 9562, 5.8: a UUID of version 8, the kind for digests of one's own. */
function uuidOf(digest: Digest): string {
  const bytes = Buffer.from(hexOf(digest), 'hex').subarray(0, 16);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
