import type { Digest } from '../../core/index.ts';
import type { Descriptor } from '../../oci/index.ts';
import { WHOLE_BUNDLE, type Finding } from './bundle-errors.ts';
import { MAY_LIE_IN_BASE, type BaseEntry, type BundleBase, type BundleEntry, type BundleImage, type BundleRepository } from './manifest.ts';
import { blobPath, BUNDLE_JSON, fileName, isSignaturePath, memberPathProblem, SHA256SUMS } from './member-path.ts';

type Member = Omit<BundleEntry, 'offset'>;

/** Statements of bundle.json about its members. */
interface WholeBundle {
  readonly images: readonly BundleImage[];
  readonly repositories: readonly BundleRepository[];
  readonly bases: readonly BundleBase[];
  readonly baseEntries: readonly BaseEntry[];
}

/** Every contradiction within a list of members, and between the list and the statements about it. */
export function checkMembers(members: readonly Member[], { images, repositories, bases, baseEntries }: WholeBundle): readonly Finding[] {
  const whole = [...members, ...baseEntries];
  const byPath = new Map(whole.map((member) => [member.path, member]));
  return [
    ...checkPaths(whole),
    ...whole.flatMap(checkMember),
    ...checkBases(bases, baseEntries),
    ...checkImages(images, byPath),
    ...checkRepositories(repositories, byPath),
    ...checkFiles(whole, byPath),
  ];
}

function checkPaths(members: readonly Member[]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const { path } of members) {
    if (seen.has(path)) findings.push({ member: path, reason: 'it is listed more than once' });
    seen.add(path);
  }
  for (const path of seen) {
    if (path === BUNDLE_JSON || path === SHA256SUMS || isSignaturePath(path))
      findings.push({ member: path, reason: 'it cannot be listed: its name is reserved' });
  }
  for (const path of seen) {
    if (memberPathProblem(path) !== undefined) continue;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const above = path.slice(0, slash);
      if (seen.has(above)) findings.push({ member: above, reason: `it is a file, and "${path}" needs it to be a directory` });
    }
  }
  return findings;
}

function checkMember(member: Member): Finding[] {
  const { path, kind, size, digest, mode } = member;
  const findings: Finding[] = [];
  const add = (reason: string): void => void findings.push({ member: path, reason });
  const pathProblem = memberPathProblem(path);
  if (pathProblem !== undefined) add(pathProblem);
  if (!Number.isSafeInteger(size) || size < 0) add(`its size ${size} is not a number of bytes`);
  if (mode !== 0o644 && mode !== 0o755) add(`its mode ${mode.toString(8)} is neither 644 nor 755`);
  if (kind === 'blob') {
    if (path !== blobPath(digest)) add(`it is a blob with the digest ${digest}, and would have to be "${blobPath(digest)}"`);
  } else if (path.startsWith('blobs/')) add(`only blobs lie under blobs/, and it is of kind "${kind}"`);
  if (kind === 'file' && fileName(path) === undefined) add('it is of kind "file", and would have to lie under files/');
  return findings;
}

function checkBases(bases: readonly BundleBase[], entries: readonly BaseEntry[]): Finding[] {
  const unused = new Set(bases.map(({ digest }) => digest));
  const findings: Finding[] = [];
  if (unused.size < bases.length) findings.push({ member: WHOLE_BUNDLE, reason: 'a base is listed more than once' });
  const known = new Set(unused);
  for (const { path, kind, base } of entries) {
    if (!MAY_LIE_IN_BASE.has(kind)) findings.push({ member: path, reason: `it is of kind "${kind}", which no delta leaves to a base` });
    if (!known.has(base)) findings.push({ member: path, reason: `it is said to lie in bundle ${base}, which is not listed as a base` });
    unused.delete(base);
  }
  for (const digest of unused) findings.push({ member: WHOLE_BUNDLE, reason: `base ${digest} is listed, and nothing lies in it` });
  return findings;
}

function checkImages(images: readonly BundleImage[], byPath: ReadonlyMap<string, Member>): Finding[] {
  const findings: Finding[] = [];
  const names = new Set<string>();
  for (const image of images) {
    if (names.has(image.name)) findings.push({ member: WHOLE_BUNDLE, reason: `image "${image.name}" is listed more than once` });
    names.add(image.name);
    for (const [digest, descriptor] of descriptorsOf(image)) {
      const member = byPath.get(blobPath(digest));
      const reason =
        member === undefined
          ? `it is missing, and image "${image.name}" needs it`
          : `it has ${member.size} bytes, and image "${image.name}" says ${descriptor.size}`;
      if (member?.size !== descriptor.size) findings.push({ member: blobPath(digest), reason });
    }
  }
  return findings;
}

/** A depot serves a file by its name, and every member by its path, at one place. */
function checkFiles(members: readonly Member[], byPath: ReadonlyMap<string, Member>): Finding[] {
  return members.flatMap(({ path, kind }) => {
    const name = kind === 'file' ? fileName(path) : undefined;
    return name !== undefined && (byPath.has(name) || name === BUNDLE_JSON || name === SHA256SUMS || isSignaturePath(name))
      ? [{ member: path, reason: `it is served as "${name}", and the bundle has another member of that path` }]
      : [];
  });
}

function descriptorsOf(image: BundleImage): ReadonlyMap<Digest, Descriptor> {
  const all = [
    image.root,
    ...image.platforms.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]),
    ...[...(image.artifacts ?? []), ...(image.attached ?? [])].flatMap(({ manifest, blobs }) => [manifest, ...blobs]),
  ];
  return new Map(all.map((descriptor) => [descriptor.digest, descriptor]));
}

function checkRepositories(repositories: readonly BundleRepository[], byPath: ReadonlyMap<string, Member>): Finding[] {
  return repositories.flatMap((repository) =>
    repository.packages
      .filter((item) => byPath.get(item.path)?.kind !== 'package')
      .map((item) => ({ member: item.path, reason: `it is not a package of the bundle, and repository "${repository.id}" lists it` })),
  );
}
