import { digestOf, hexOf, type Digest } from '../../core/index.ts';
import { layoutTar, type TarPlace } from '../../io/index.ts';
import { BundlePlanError, WHOLE_BUNDLE, type Finding } from './bundle-errors.ts';
import { BUNDLE_JSON_STEP, canonicalManifest, padManifest, serialiseManifest } from './canonical-manifest.ts';
import { checkMembers } from './check-members.ts';
import { dockerDocument, indexDocument, ociLayoutDocument } from './image-documents.ts';
import { formatMoment, manifestProblems } from './manifest-schema.ts';
import type { BaseEntry, BundleBase, BundleEntry, BundleImage, BundleManifest, BundleRepository, EntryKind } from './manifest.ts';
import { BUNDLE_JSON, compareMembers, DOCKER_MANIFEST, GENERATED, INDEX_JSON, OCI_LAYOUT, SHA256SUMS } from './member-path.ts';

/** One file that shall be in the bundle. Size and digest are known before its bytes are. */
export interface PlannedFile {
  readonly path: string;
  readonly kind: EntryKind;
  readonly size: number;
  readonly digest: Digest;
  /** 0644 or 0755. */
  readonly mode: number;
  /** Where the bytes come from, without credentials. */
  readonly origin: string;
  /** Small files that are at hand already; the others are filled in while the bundle is written. */
  readonly content?: Uint8Array;
}

export interface BundleInput {
  /** Letters, digits and . _ + ~ - */
  readonly name: string;
  readonly version: string;
  /** manifest.json, which `docker load` reads, lists the images of the first one. */
  readonly platforms: readonly string[];
  /** Content time, cut to seconds; never the time of the build. */
  readonly date: Date;
  readonly images: readonly BundleImage[];
  readonly repositories: readonly BundleRepository[];
  readonly files: readonly PlannedFile[];
  /** Of a delta: the bundles that hold the members which are not among the files. */
  readonly bases?: readonly BundleBase[];
  readonly baseEntries?: readonly BaseEntry[];
}

/** A member with its place: header from headerOffset, data from offset, zeros up to end. */
export type PlannedMember = BundleEntry & TarPlace & { readonly content?: Uint8Array };

export interface BundlePlan {
  readonly manifest: BundleManifest;
  /** Every member in the order of the file, bundle.json and SHA256SUMS included. */
  readonly members: readonly PlannedMember[];
  /** Bytes of the finished file. */
  readonly size: number;
  /** Identity of the bundle: the digest of SHA256SUMS, which covers every other member. */
  readonly bundleDigest: Digest;
}

type Unplaced = Omit<PlannedMember, keyof TarPlace>;

/**
 * Computes the whole file from the list of its members: adds bundle.json, SHA256SUMS, oci-layout, index.json and
 * manifest.json, sorts the members, and sets every offset. Pure. Throws BundlePlanError with every contradiction.
 */
export function planBundle(input: BundleInput): BundlePlan {
  const date = formatMoment(input.date);
  const files: readonly Unplaced[] = [
    generated(OCI_LAYOUT, ociLayoutDocument()),
    generated(INDEX_JSON, indexDocument(input.images)),
    generated(DOCKER_MANIFEST, dockerDocument(input.images, input.platforms[0])),
    ...input.files,
  ].sort(compareMembers);
  const withoutEntries = {
    name: input.name,
    version: input.version,
    platforms: input.platforms,
    date,
    images: input.images,
    repositories: input.repositories,
    bases: input.bases ?? [],
    baseEntries: [...(input.baseEntries ?? [])].sort(compareMembers),
  };
  const problems = [
    ...checkMembers(files, withoutEntries),
    ...files.flatMap(checkContent),
    ...manifestProblems(canonicalManifest({ ...withoutEntries, entries: [] })).map((reason) => ({ member: WHOLE_BUNDLE, reason })),
  ];
  if (problems.length > 0) throw new BundlePlanError(problems);

  const { manifest, json } = placeEntries(withoutEntries, files);
  const sums = Buffer.from(formatSums([{ path: BUNDLE_JSON, digest: digestOf(json) }, ...files]));
  const { members, size } = layoutTar([generated(BUNDLE_JSON, json), generated(SHA256SUMS, sums), ...files]);
  return { manifest, members, size, bundleDigest: digestOf(sums) };
}

/** The plan that a finished bundle's manifest stands for: without the content of files. Throws BundlePlanError. */
export function planFromManifest(manifest: BundleManifest): BundlePlan {
  const names: readonly string[] = GENERATED;
  return planBundle({ ...manifest, date: new Date(manifest.date), files: manifest.entries.filter(({ path }) => !names.includes(path)) });
}

/** The bytes of SHA256SUMS, as they follow from the list of members. */
export function sumsOf({ members }: BundlePlan): Uint8Array {
  return members.find(({ path }) => path === SHA256SUMS)?.content ?? Buffer.alloc(0);
}

/** SHA256SUMS in the form that `sha256sum -c` reads. */
export function formatSums(files: readonly { readonly path: string; readonly digest: Digest }[]): string {
  return files.map(({ path, digest }) => `${hexOf(digest)}  ${path}\n`).join('');
}

/** Offsets depend on the size of bundle.json, which holds them: try sizes upwards until the document fits its own. */
function placeEntries(
  facts: Omit<BundleManifest, 'apiVersion' | 'kind' | 'entries'>,
  files: readonly Unplaced[],
): { readonly manifest: BundleManifest; readonly json: Buffer } {
  const sumsSize = Buffer.byteLength(formatSums([{ path: BUNDLE_JSON, digest: digestOf('') }, ...files]));
  for (let size = BUNDLE_JSON_STEP; ;) {
    const placeholders = [
      { path: BUNDLE_JSON, size, mode: 0o644 },
      { path: SHA256SUMS, size: sumsSize, mode: 0o644 },
    ];
    const offsets = layoutTar<{ path: string; size: number; mode: number }>([...placeholders, ...files]).members.slice(placeholders.length);
    const entries = files.map((file, index) => ({ ...file, offset: offsets[index]?.offset ?? 0 }));
    const manifest = canonicalManifest({ ...facts, entries });
    const text = serialiseManifest(manifest);
    const wanted = Math.ceil(Buffer.byteLength(text) / BUNDLE_JSON_STEP) * BUNDLE_JSON_STEP;
    if (wanted <= size) return { manifest, json: padManifest(text, size) };
    size = wanted;
  }
}

function generated(path: string, content: string | Uint8Array): Unplaced {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { path, kind: 'metadata', size: bytes.byteLength, digest: digestOf(bytes), mode: 0o644, origin: 'builder', content: bytes };
}

function checkContent({ path, size, digest, content }: Unplaced): Finding[] {
  if (content === undefined || (content.byteLength === size && digestOf(content) === digest)) return [];
  return [
    { member: path, reason: `its content has ${content.byteLength} bytes and the digest ${digestOf(content)}, not what was planned` },
  ];
}
