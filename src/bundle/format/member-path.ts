import { hexOf, isDigest, type Digest } from '../../core/index.ts';
import { unsafeReason } from '../../io/index.ts';
import type { EntryKind } from './manifest.ts';

export const BUNDLE_JSON = 'bundle.json';
export const SHA256SUMS = 'SHA256SUMS';
export const OCI_LAYOUT = 'oci-layout';
export const INDEX_JSON = 'index.json';
export const DOCKER_MANIFEST = 'manifest.json';
/** The lock that the bundle was built from; every bundle of a builder has one. */
export const LOCK_MEMBER = 'bundle.lock.json';
/** The CycloneDX list of the content; optional. */
export const SBOM_JSON = 'sbom.cdx.json';

/** Members that follow from the others; planBundle writes them. In the order they have in the file. */
export const GENERATED = [BUNDLE_JSON, SHA256SUMS, OCI_LAYOUT, INDEX_JSON, DOCKER_MANIFEST] as const;
const FIRST: readonly string[] = [...GENERATED, SBOM_JSON];

/** Directory of the members of kind `file`. */
const FILES = 'files/';

const BLOBS = 'blobs/sha256/';
const PATH = /^[A-Za-z0-9._+~@%=,:/-]+$/;
const PATH_LIMIT = 1024;
const COMPONENT_LIMIT = 255;
/** Most directories above a member. Listings of all directories grow with the square of this depth. */
const DEPTH_LIMIT = 64;

/** True for the names of signatures, which no other member may have. */
export function isSignaturePath(path: string): boolean {
  return /^SHA256SUMS(?:\.\d+)?\.sig$/.test(path);
}

export function blobPath(digest: Digest): string {
  return `${BLOBS}${hexOf(digest)}`;
}

/** The digest that a blob's path promises; undefined for other paths. */
export function blobDigest(path: string): Digest | undefined {
  if (!path.startsWith(BLOBS)) return undefined;
  const digest = `sha256:${path.slice(BLOBS.length)}`;
  return isDigest(digest) ? digest : undefined;
}

/** The path of the member that is the file of this name. */
export function filePath(name: string): string {
  return `${FILES}${name}`;
}

/** The name of the file that a member is; undefined for paths elsewhere. */
export function fileName(path: string): string | undefined {
  return path.startsWith(FILES) ? path.slice(FILES.length) : undefined;
}

/** Why a path cannot be a member's, or undefined when it can. */
export function memberPathProblem(path: string): string | undefined {
  const reason = unsafeReason(path);
  if (reason !== undefined) return `its path is not safe: ${reason}`;
  if (!PATH.test(path)) return 'its path has characters other than letters, digits and . _ + ~ @ % = , : / -';
  const parts = path.split('/');
  if (path.length > PATH_LIMIT || parts.some((part) => part.length > COMPONENT_LIMIT)) return 'its path is too long';
  if (parts.length > DEPTH_LIMIT) return `its path has more than ${DEPTH_LIMIT} components`;
  return undefined;
}

/** Order of members: the generated ones, the SBOM, small files, packages and files of people by path, blobs by digest. */
export function compareMembers(left: { path: string; kind: EntryKind }, right: { path: string; kind: EntryKind }): number {
  return rank(left) - rank(right) || compareText(left.path, right.path);
}

export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function rank({ path, kind }: { path: string; kind: EntryKind }): number {
  const first = FIRST.indexOf(path);
  if (first >= 0) return first;
  if (kind === 'blob') return FIRST.length + 3;
  if (kind === 'file') return FIRST.length + 2;
  return kind === 'package' ? FIRST.length + 1 : FIRST.length;
}
