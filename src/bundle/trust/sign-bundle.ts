import { open, type FileHandle } from 'node:fs/promises';
import { CaissonError, hasCode, messageOf } from '../../core/index.ts';
import { TAR_BLOCK, TAR_END, tarHeader, type SharedFile } from '../../io/index.ts';
import { parseSignature, SIGNATURE_BEGIN, signDetached, type Signer } from '../../sshsig/index.ts';
import { openBundleFile, type BundleLocation } from '../volumes/find-volumes.ts';
import { BUNDLE_JSON, SHA256SUMS } from '../format/member-path.ts';
import { sumsOf, type BundlePlan, type PlannedMember } from '../format/plan.ts';
import { writeError } from '../write/positioned-file.ts';
import { damaged, planOf, readBundleJson } from '../read/reader.ts';
import { MOST_SIGNATURE_BYTES, readSignatures, signatureMembers, signedPlan } from '../format/signature-members.ts';
import { refuseUnfinished } from '../format/unfinished.ts';
import { parseVolumePath, wholeName } from '../volumes/volume-path.ts';
import { lockOutput } from '../write/write-lock.ts';

/** Signatures of a planned bundle, to be planned in with signedPlan. Throws SIGNING_FAILED. */
export async function signPlan(plan: BundlePlan, signers: readonly Signer[]): Promise<readonly string[]> {
  const signatures: string[] = [];
  for (const signer of signers) signatures.push(await signDetached(signer, 'caisson-bundle', sumsOf(plan)));
  return signatures;
}

/**
 * Adds signatures to a bundle in place, and gives back the members that are new; a key that signed it already does not
 * sign again. No byte of any other member is touched: the new ones are written over the end of the archive, the first
 * header last, so that a run that is killed leaves either the bundle as it was or one that verify refuses and another
 * run mends. A signature covers SHA256SUMS, so verify the bundle before you sign it. Throws BUNDLE_DAMAGED,
 * BUNDLE_INCOMPLETE, BUNDLE_LOCKED, BUNDLE_WRITE_FAILED, SIGNING_FAILED.
 */
export async function signBundle(location: BundleLocation, signers: readonly Signer[]): Promise<readonly string[]> {
  const { path, kept: before } = await readForSigning(location);
  if (parseVolumePath(path) !== undefined) {
    if (missingOf(signers, before).length === 0) return [];
    throw cannotSignVolumes(path);
  }
  const lock = await lockOutput(path).catch((error: unknown) => {
    throw writeError(path, error);
  });
  try {
    // Read again: another process may have signed before this one got the lock.
    const { plan, kept, isTorn: mustMend } = await readForSigning(path);
    const signed = signedPlan(plan, [...kept, ...(await signPlan(plan, missingOf(signers, kept)))]);
    const added = signatureMembers(signed).slice(kept.length);
    if (added.length > 0 || mustMend) await writeEnd(path, signed, added);
    return added.map((member) => member.path);
  } finally {
    await lock.release();
  }
}

/** Signers whose key is not among the signatures yet, each once. */
function missingOf(signers: readonly Signer[], kept: readonly string[]): readonly Signer[] {
  const known = new Set(kept.map((text) => parseSignature(text, 'a signature of the bundle').key.fingerprint));
  return signers.filter(({ key: { fingerprint } }) => !known.has(fingerprint) && known.add(fingerprint).has(fingerprint));
}

interface Signable {
  readonly path: string;
  readonly plan: BundlePlan;
  /** Signatures that it has. */
  readonly kept: readonly string[];
  /** True when a run that was killed left something behind them. */
  readonly isTorn: boolean;
}

/** The plan of a sound bundle, and the signatures before the first one that a killed run left unfinished. */
async function readForSigning(location: BundleLocation): Promise<Signable> {
  const file = await openBundleFile(location);
  const { path } = file;
  try {
    await refuseUnfinished(file);
    const plan = planOf(await readBundleJson(file), path);
    if (file.size < plan.size) throw damaged(path, `it is cut short: it has ${file.size} bytes, want ${plan.size}`);
    for (const member of plan.members) {
      if (member.path !== BUNDLE_JSON && member.path !== SHA256SUMS) continue;
      if (!(await file.read(member.offset, member.size)).equals(Buffer.from(member.content ?? []))) {
        throw damaged(path, `${member.path}: it is not what follows from the list of members`);
      }
    }
    const kept = await soundSignatures(file, plan);
    return { path, plan, kept, isTorn: await isTorn(file, signedPlan(plan, kept).size - TAR_END) };
  } finally {
    await file.close();
  }
}

/** The error for signing volumes: a further signature could need a further volume, and would change the digests beside the volumes. */
function cannotSignVolumes(path: string): CaissonError {
  return new CaissonError('USAGE', `Cannot sign "${path}" in place: the bundle lies in volumes`, {
    hint: `Sign while it is built (build-bundle --sign-key), or join the volumes (cat ${wholeName(path)}.*), and sign and split that`,
  });
}

/**
 * True when the bytes behind the archive were left by a killed run: zeros, or the beginning of a further signature.
 * Throws BUNDLE_DAMAGED for any other bytes, which must not be removed.
 */
async function isTorn(file: SharedFile, end: number): Promise<boolean> {
  const rest = await file.read(end, Math.min(file.size - end, MOST_SIGNATURE_BYTES));
  if (rest.equals(Buffer.alloc(TAR_END))) return false;
  const text = rest.subarray(TAR_BLOCK);
  const begin = text.subarray(0, SIGNATURE_BEGIN.length).toString('latin1').replace(/\0+$/, '');
  const isOurs = text.every((byte) => byte === 0) || (begin !== '' && SIGNATURE_BEGIN.startsWith(begin));
  if (isOurs && end + rest.byteLength === file.size) return true;
  throw damaged(file.path, 'bytes follow its end, and they are not the rest of a signature');
}

async function soundSignatures(file: SharedFile, plan: BundlePlan): Promise<readonly string[]> {
  const kept: string[] = [];
  const found = await readSignatures(file, plan);
  for (const member of signatureMembers(signedPlan(plan, found))) {
    const wanted = tarHeader(member, new Date(plan.manifest.date));
    const text = Buffer.from(member.content ?? []).toString('latin1');
    if (!(await file.read(member.headerOffset, wanted.byteLength)).equals(wanted) || !isSignature(text)) break;
    kept.push(text);
  }
  return kept;
}

function isSignature(text: string): boolean {
  try {
    parseSignature(text, 'it');
    return true;
  } catch (error) {
    if (hasCode(error, 'SIGNATURE_INVALID')) return false;
    throw error;
  }
}

/** Writes the new signatures behind the existing ones, then the end blocks. */
async function writeEnd(path: string, plan: BundlePlan, added: readonly PlannedMember[]): Promise<void> {
  const from = added[0]?.headerOffset ?? plan.size - TAR_END;
  try {
    const file = await open(path, 'r+');
    try {
      const date = new Date(plan.manifest.date);
      const bytes = Buffer.alloc(plan.size - from);
      for (const member of added) {
        tarHeader(member, date).copy(bytes, member.headerOffset - from);
        Buffer.from(member.content ?? []).copy(bytes, member.offset - from);
      }
      await writeAll(file, bytes.subarray(TAR_BLOCK), from + TAR_BLOCK);
      await file.truncate(plan.size);
      await file.sync();
      await writeAll(file, bytes.subarray(0, TAR_BLOCK), from);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new CaissonError('BUNDLE_WRITE_FAILED', `Cannot write the signature to "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Nothing but the end of the file was touched: run the same command again once it can be written',
    });
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}
