import { open, type FileHandle } from 'node:fs/promises';
import { CaissonError, hasCode, messageOf } from '../core/index.ts';
import { tarHeader, type SharedFile } from '../io/index.ts';
import { parseSignature, signDetached, type Signer } from '../sshsig/index.ts';
import { openBundleFile, type BundleLocation } from './find-volumes.ts';
import { BUNDLE_JSON, SHA256SUMS } from './member-path.ts';
import type { BundlePlan, PlannedMember } from './plan.ts';
import { damaged, planOf, readBundleJson } from './reader.ts';
import { readSignatures, signatureMembers, signedPlan } from './signature-members.ts';
import { refuseUnfinished } from './unfinished.ts';
import { parseVolumePath, wholeName } from './volume-path.ts';
import { lockOutput } from './write-lock.ts';

/** Signatures of a planned bundle, to be planned in with signedPlan. Throws SIGNING_FAILED. */
export async function signPlan(plan: BundlePlan, signers: readonly Signer[]): Promise<readonly string[]> {
  const signatures: string[] = [];
  for (const signer of signers) signatures.push(await signDetached(signer, 'caisson-bundle', sumsOf(plan)));
  return signatures;
}

/**
 * Adds signatures to a bundle in place, and gives back the members that are new; a key that signed it already does not
 * sign again. No byte of any other member is touched: the new ones are written over the end of the archive, the first
 * header last, so that a run that is killed leaves either the bundle as it was or one that verify refuses and another run
 * mends. What is signed is the list of digests: whoever signs vouches for it, and should have verified the bundle. Throws
 * BUNDLE_DAMAGED, BUNDLE_INCOMPLETE, BUNDLE_LOCKED, BUNDLE_WRITE_FAILED, SIGNING_FAILED.
 */
export async function signBundle(location: BundleLocation, signers: readonly Signer[]): Promise<readonly string[]> {
  const { path, plan, kept } = await readForSigning(location);
  const known = kept.map((text) => parseSignature(text, path).key.fingerprint);
  const missing = signers.filter(({ key }) => !known.includes(key.fingerprint));
  if (missing.length === 0) return [];
  if (parseVolumePath(path) !== undefined) throw cannotSignVolumes(path);
  const signed = signedPlan(plan, [...kept, ...(await signPlan(plan, missing))]);
  const added = signatureMembers(signed).slice(kept.length);
  const lock = await lockOutput(path);
  try {
    await appendMembers(path, signed, added);
  } finally {
    await lock.release();
  }
  return added.map((member) => member.path);
}

/** The plan of a sound bundle, and the signatures before the first one that a killed run left unfinished. */
async function readForSigning(
  location: BundleLocation,
): Promise<{ readonly path: string; readonly plan: BundlePlan; readonly kept: readonly string[] }> {
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
    return { path, plan, kept: await soundSignatures(file, plan) };
  } finally {
    await file.close();
  }
}

/** A signature more could need a volume more, on a medium that nobody gave; and the digests beside them would change. */
function cannotSignVolumes(path: string): CaissonError {
  return new CaissonError('USAGE', `Cannot sign "${path}" in place: the bundle lies in volumes`, {
    hint: `Sign while it is built (build-bundle --sign-key), or join the volumes (cat ${wholeName(path)}.*), and sign and split that`,
  });
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

async function appendMembers(path: string, plan: BundlePlan, added: readonly PlannedMember[]): Promise<void> {
  const [first] = added;
  if (first === undefined) return;
  try {
    const file = await open(path, 'r+');
    try {
      const date = new Date(plan.manifest.date);
      const bytes = Buffer.alloc(plan.size - first.headerOffset);
      for (const member of added) {
        tarHeader(member, date).copy(bytes, member.headerOffset - first.headerOffset);
        Buffer.from(member.content ?? []).copy(bytes, member.offset - first.headerOffset);
      }
      const start = first.offset - first.headerOffset;
      await writeAll(file, bytes.subarray(start), first.offset);
      await file.truncate(plan.size);
      await file.sync();
      await writeAll(file, bytes.subarray(0, start), first.headerOffset);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new CaissonError('BUNDLE_WRITE_FAILED', `Cannot write the signature to "${path}": ${messageOf(cause)}`, {
      cause,
      hint: `Nothing but the end of the file was touched: run the same command again once it can be written`,
    });
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

function sumsOf(plan: BundlePlan): Uint8Array {
  return plan.members.find(({ path }) => path === SHA256SUMS)?.content ?? Buffer.alloc(0);
}
