import { digestOf } from '../../core/index.ts';
import { layoutTar, readTarHeader, roundToBlock, TAR_BLOCK, TAR_END, type SharedFile } from '../../io/index.ts';
import { SIGNATURE_END } from '../../sshsig/index.ts';
import { BundlePlanError } from './bundle-errors.ts';
import { isSignaturePath, SHA256SUMS } from './member-path.ts';
import type { BundlePlan, PlannedMember } from './plan.ts';

/** Most signatures of one bundle. The limit bounds the bytes that are read of a hostile file. */
const SIGNATURES_MOST = 16;
const SIGNATURE_LIMIT = 16 * 1024;
/** The most bytes that signatures and the end of the archive have. */
export const MOST_SIGNATURE_BYTES = SIGNATURES_MOST * (TAR_BLOCK + SIGNATURE_LIMIT) + TAR_END;

/** SHA256SUMS.sig, SHA256SUMS.2.sig, SHA256SUMS.3.sig … */
function signaturePath(index: number): string {
  return index === 0 ? `${SHA256SUMS}.sig` : `${SHA256SUMS}.${index + 1}.sig`;
}

/**
 * The same bundle with these signatures of its SHA256SUMS: they are the last members, listed nowhere, so that no other
 * byte moves and the bundle's identity stays. Throws BundlePlanError for too many or too large ones.
 */
export function signedPlan(plan: BundlePlan, signatures: readonly (string | Uint8Array)[]): BundlePlan {
  const [last] = plan.members.slice(-1);
  const start = last?.end ?? 0;
  const contents = signatures.map((text) => Buffer.from(text));
  const problems = contents.flatMap(({ byteLength }, index) => {
    if (index >= SIGNATURES_MOST) return [{ member: signaturePath(index), reason: `a bundle has at most ${SIGNATURES_MOST} signatures` }];
    return byteLength > SIGNATURE_LIMIT ? [{ member: signaturePath(index), reason: `it is larger than ${SIGNATURE_LIMIT} bytes` }] : [];
  });
  if (problems.length > 0) throw new BundlePlanError(problems);
  const { members, size } = layoutTar(
    contents.map((content, index) => ({ path: signaturePath(index), size: content.byteLength, mode: 0o644, content })),
  );
  const added = members.map(({ headerOffset, offset, end, ...member }): PlannedMember => ({
    ...member,
    kind: 'metadata',
    digest: digestOf(member.content),
    origin: 'builder',
    headerOffset: start + headerOffset,
    offset: start + offset,
    end: start + end,
  }));
  return { ...plan, members: [...plan.members, ...added], size: start + size };
}

/** The plan without its signatures. */
export function unsignedPlan(plan: BundlePlan): BundlePlan {
  const members = plan.members.filter(({ path }) => !isSignaturePath(path));
  return { ...plan, members, size: (members.at(-1)?.end ?? 0) + TAR_END };
}

/** The signatures of a plan, in their order, each with its bytes. */
export function signatureMembers(plan: BundlePlan): readonly (PlannedMember & { readonly content: Uint8Array })[] {
  return plan.members.flatMap((member) =>
    isSignaturePath(member.path) ? [{ ...member, content: member.content ?? Buffer.alloc(0) }] : [],
  );
}

/**
 * Reads the signatures that lie behind the planned members, as bytes; they are not checked. The header gives the size of
 * a signature; where the header is damaged, its last line does. Stops at the first member that is no signature.
 */
export async function readSignatures(file: Pick<SharedFile, 'size' | 'read'>, plan: BundlePlan): Promise<readonly Buffer[]> {
  const start = plan.size - TAR_END;
  if (file.size <= plan.size) return [];
  const tail = await file.read(start, Math.min(MOST_SIGNATURE_BYTES, file.size - start));
  const found: Buffer[] = [];
  let position = 0;
  while (found.length < SIGNATURES_MOST && position + TAR_END < tail.byteLength) {
    const size = sizeAt(tail, position, signaturePath(found.length));
    if (size === undefined || position + TAR_BLOCK + size > tail.byteLength) break;
    found.push(tail.subarray(position + TAR_BLOCK, position + TAR_BLOCK + size));
    position += TAR_BLOCK + roundToBlock(size);
  }
  return found;
}

function sizeAt(tail: Buffer, position: number, path: string): number | undefined {
  const header = readTarHeader(tail.subarray(position, position + TAR_BLOCK));
  // Another member altogether, or none.
  if (header === 'end' || (typeof header !== 'string' && !isSignaturePath(header.path))) return undefined;
  if (typeof header !== 'string' && header.path === path) {
    return header.size !== undefined && header.size <= SIGNATURE_LIMIT ? header.size : undefined;
  }
  const data = tail.subarray(position + TAR_BLOCK, position + TAR_BLOCK + SIGNATURE_LIMIT);
  const end = data.indexOf(SIGNATURE_END, 0, 'latin1');
  return end >= 0 ? end + SIGNATURE_END.length : undefined;
}
