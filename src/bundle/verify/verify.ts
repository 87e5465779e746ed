import { basename } from 'node:path';
import {
  CaissonError,
  digestFromHex,
  digestOf,
  formatSize,
  hasCode,
  hexOf,
  silent,
  systemClock,
  type Clock,
  type Digest,
  type Emit,
} from '../../core/index.ts';
import { readTarHeader, TAR_BLOCK, TAR_END, type SharedFile } from '../../io/index.ts';
import { blameVolumes } from './blame-volumes.ts';
import { describeBeginning } from '../format/beginning.ts';
import { WHOLE_BUNDLE, type Finding } from '../format/bundle-errors.ts';
import { checkVolumes, checkVolumesWithoutPlan } from '../volumes/check-volumes.ts';
import { openBundleFile, type BundleLocation } from '../volumes/find-volumes.ts';
import { hashOnAllCores } from '../hash/hash-pool.ts';
import type { Piece, Run } from '../hash/hash-runs.ts';
import { judge } from './judge.ts';
import { BUNDLE_JSON_LIMIT } from '../format/manifest-schema.ts';
import { BUNDLE_JSON, isSignaturePath, SHA256SUMS } from '../format/member-path.ts';
import { formatSums, sumsOf, type BundlePlan } from '../format/plan.ts';
import { planOf, readBundleJson } from '../read/reader.ts';
import { FINDING_LIMIT, scanMembers, type FoundMember, type Scan } from './scan.ts';
import { readSignatures, signatureMembers, signedPlan } from '../format/signature-members.ts';
import { parseSums } from '../format/sums.ts';
import { checkSignatures, type SignatureCheck, type Trust } from '../trust/trust.ts';
import { refuseUnfinished } from '../format/unfinished.ts';
import type { VerifyReport } from './verify-report.ts';
import { parseVolumePath, wholeName } from '../volumes/volume-path.ts';
import { VolumesError } from '../volumes/volumes-error.ts';

export interface VerifyOptions {
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Whose signatures count; without it every signer is `unknown`. */
  readonly trust?: Trust;
  /** Hashing threads; by default one for each core, at most eight. 0 uses none. */
  readonly workers?: number;
}

/** Small members are read together up to this. */
const RUN_SIZE = 8 * 1024 * 1024;

/**
 * Reads the whole file once, on all cores, and compares every byte of it with what follows from its list of members:
 * headers, data, padding, end. Reports every fault by member; a report without findings means that the file is exactly
 * what planBundle and BundleWriter made. Throws INPUT_UNREADABLE, BUNDLE_INCOMPLETE for one that was not built to its end,
 * BUNDLE_VERSION_UNKNOWN for a sound bundle of another format, BUNDLE_DAMAGED for a file that is no bundle, and VolumesError for volumes that cannot be read as one file.
 */
export async function verifyBundle(location: BundleLocation, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { emit = silent, clock = systemClock, signal } = options;
  const file = await openBundleFile(location);
  const task = { id: `verify ${file.path}`, title: `Verify ${wholeName(file.path)}` };
  const started = clock.monotonic();
  try {
    await refuseUnfinished(file);
    emit({ type: 'task.started', ...task, total: file.size, unit: 'bytes' });
    const report = await verifyFile(file, options, (done) => emit({ type: 'task.progress', id: task.id, done, total: file.size }));
    signal?.throwIfAborted();
    const faults = report.findings.length === 1 ? '1 fault' : `${report.findings.length} faults`;
    const summary = `${report.members} members, ${formatSize(file.size)}, ${faults}`;
    emit({ type: 'task.finished', ...task, summary, ms: clock.monotonic() - started });
    return report;
  } finally {
    await file.close();
  }
}

async function verifyFile(file: SharedFile, options: VerifyOptions, onProgress: (bytes: number) => void): Promise<VerifyReport> {
  const loaded = await loadPlan(file);
  const foreign = await refuseMisfits(file, loaded.plan);
  const { plan, scan, findings: manifestFindings } = await scanAsPlanned(file, loaded, options.signal);
  if (plan === undefined) await refuseOther(file, scan);
  const hashed = await hashMembers(file, scan, options, onProgress);
  const sumsText = await readSums(file, scan.members);
  const evidence = { actual: hashed.digests, plan, sums: sumsText === undefined ? undefined : parseSums(sumsText) };
  const found = [...manifestFindings, ...foreign, ...scan.findings, ...hashed.findings, ...judge(evidence)];
  if (found.length === 0) found.push(...checkSumsText(sumsText, hashed.digests));
  const signed = checkPlanned(plan, sumsText, options.trust);
  found.push(...signed.findings);
  const findings = await blameVolumes(file, found.slice(0, FINDING_LIMIT), [...scan.members, ...(plan?.members ?? [])], options);
  if (found.length > FINDING_LIMIT) {
    findings.push({ member: WHOLE_BUNDLE, reason: `it has more than ${FINDING_LIMIT} faults; the others are not listed` });
  }
  return {
    path: file.path,
    paths: file.parts.map(({ path }) => path),
    size: file.size,
    name: plan?.manifest.name,
    version: plan?.manifest.version,
    members: scan.members.length,
    bundleDigest: sumsText === undefined ? undefined : digestOf(sumsText),
    bases: plan?.manifest.bases ?? [],
    signatures: signed.signatures,
    findings,
  };
}

/**
 * Checks signatures against the SHA256SUMS that the plan gives; other checks compare the file's own SHA256SUMS with it.
 * A signature that fits the file's own SHA256SUMS is not reported, because then bundle.json was changed.
 */
function checkPlanned(plan: BundlePlan | undefined, found: string | undefined, trust: Trust | undefined): SignatureCheck {
  if (plan === undefined) return { signatures: [], findings: [] };
  const sums = sumsOf(plan);
  const members = signatureMembers(plan);
  const planned = checkSignatures(members, sums, trust);
  if (planned.findings.length === 0 || found === undefined || Buffer.from(found).equals(sums)) return planned;
  const asFound = checkSignatures(members, Buffer.from(found), trust);
  return asFound.findings.length < planned.findings.length ? asFound : planned;
}

/** Throws VolumesError for volumes that cannot be read as one file; gives a finding for each volume in which no header is right. */
async function refuseMisfits(file: SharedFile, plan: BundlePlan | undefined): Promise<readonly Finding[]> {
  const check = plan === undefined ? { misfits: await checkVolumesWithoutPlan(file), foreign: [] } : await checkVolumes(file, plan);
  if (check.misfits.length > 0) throw new VolumesError(wholeName(file.path), [...check.misfits, ...check.foreign]);
  return check.foreign
    .filter(({ isCertain }) => isCertain)
    .map(({ volume, reason }) => ({ member: WHOLE_BUNDLE, reason, volumes: [basename(volume)] }));
}

/**
 * Throws BUNDLE_DAMAGED for a file that is no bundle: the first header is not that of bundle.json, and behind it there is
 * neither bundle.json nor SHA256SUMS. A bundle whose first block is damaged still has members behind it.
 */
async function refuseOther(file: SharedFile, { members }: Scan): Promise<void> {
  const block = await file.read(0, Math.min(TAR_BLOCK, file.size));
  const isTar = typeof readTarHeader(block) !== 'string';
  const isBundle = members.some(({ path }) => path === BUNDLE_JSON || path === SHA256SUMS);
  if (isBundle || (members.length > 0 && !isTar) || block.toString('latin1').startsWith(BUNDLE_JSON)) return;
  throw new CaissonError(
    'BUNDLE_DAMAGED',
    `Cannot verify "${file.path}": it is no Caisson bundle: it begins with ${describeBeginning(block)}`,
    {
      hint: 'Name the file that build-bundle wrote; a bundle that was compressed is unpacked first',
    },
  );
}

interface LoadedPlan {
  readonly plan: BundlePlan | undefined;
  /** Bytes of bundle.json, when it could be read. */
  readonly json: Buffer | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Scans by the plan. A well-formed bundle.json can be damaged in its date or in a path, and then contradicts every
 * member. When SHA256SUMS contradicts it too, and a scan without the plan gives fewer findings, bundle.json is reported
 * and the members are not.
 */
async function scanAsPlanned(
  file: SharedFile,
  { plan, json, findings }: LoadedPlan,
  signal: AbortSignal | undefined,
): Promise<{ readonly plan: BundlePlan | undefined; readonly scan: Scan; readonly findings: readonly Finding[] }> {
  const scan = await scanMembers(file, plan, signal);
  if (plan === undefined || json === undefined || scan.findings.length === 0 || (await saidOf(file, json)) !== 'another') {
    return { plan, scan, findings };
  }
  const without = await scanMembers(file, undefined, signal);
  if (without.findings.length >= scan.findings.length) return { plan, scan, findings };
  return {
    plan: undefined,
    scan: without,
    findings: [{ member: BUNDLE_JSON, reason: 'neither SHA256SUMS nor the other members agree with it' }],
  };
}

/** The plan that the file must be equal to; without one, when bundle.json is not sound, members are judged by SHA256SUMS. */
async function loadPlan(file: SharedFile): Promise<LoadedPlan> {
  let json: Buffer | undefined;
  try {
    json = await readBundleJson(file);
    const plan = planOf(json, file.path);
    return { plan: signedPlan(plan, await readSignatures(file, plan)), json, findings: [] };
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    if (hasCode(error, 'BUNDLE_VERSION_UNKNOWN') && json !== undefined && (await saidOf(file, json)) === 'this') throw error;
    if (error.code !== 'BUNDLE_DAMAGED' && error.code !== 'BUNDLE_VERSION_UNKNOWN') throw error;
    return { plan: undefined, json, findings: [{ member: BUNDLE_JSON, reason: reasonOf(error) }] };
  }
}

/** The part of a message behind "Cannot read …: ". */
function reasonOf(error: CaissonError): string {
  return error.message.replace(/^Cannot read .*?"[^"]*": /, '');
}

/** Whether SHA256SUMS, which follows bundle.json in every version, has the digest of these bytes, another digest, or no line for them. */
async function saidOf(file: SharedFile, json: Buffer): Promise<'this' | 'another' | 'nothing'> {
  const start = TAR_BLOCK + json.length;
  if (start + TAR_BLOCK > file.size) return 'nothing';
  const header = readTarHeader(await file.read(start, TAR_BLOCK));
  if (typeof header === 'string' || header.path !== SHA256SUMS || header.size === undefined) return 'nothing';
  const length = Math.min(header.size, 1024, file.size - start - TAR_BLOCK);
  const text = (await file.read(start + TAR_BLOCK, Math.max(length, 0))).toString('utf8');
  const [, hex, path] = /^([0-9a-f]{64}) {2}(.+)\n/.exec(text) ?? [];
  if (path !== BUNDLE_JSON) return 'nothing';
  return hex === hexOf(digestOf(json)) ? 'this' : 'another';
}

interface Hashed {
  readonly digests: readonly { readonly path: string; readonly digest: Digest }[];
  readonly findings: readonly Finding[];
}

async function hashMembers(file: SharedFile, scan: Scan, options: VerifyOptions, onProgress: (bytes: number) => void): Promise<Hashed> {
  const { signal, workers } = options;
  const runs = planRuns(scan, file.size);
  const done = await hashOnAllCores(file.parts, runs, { signal, onProgress, ...(workers === undefined ? {} : { workers }) });
  const digests: { path: string; digest: Digest }[] = [];
  const findings: Finding[] = [];
  for (const { run, results, failure } of [...done].sort((left, right) => left.run.start - right.run.start)) {
    for (const [index, piece] of run.pieces.entries()) {
      const result = results[index];
      if (typeof result === 'string') digests.push({ path: piece.member, digest: digestFromHex(result) });
      if (result === false) {
        const volumes = piece.member === WHOLE_BUNDLE ? volumesOf(file, scan.end, file.size) : {};
        findings.push({ member: piece.member, reason: 'the zeros after its end are not zeros', ...volumes });
      }
      if (result === undefined && piece.role !== 'header')
        findings.push({ member: piece.member, reason: `it cannot be read: ${failure ?? 'no reason known'}` });
    }
  }
  return { digests, findings };
}

/** The names of the volumes that hold a stretch of the file; empty for a bundle in one file. */
function volumesOf(file: SharedFile, start: number, end: number): Pick<Finding, 'volumes'> {
  if (parseVolumePath(file.path) === undefined) return {};
  return { volumes: file.partsOf(start, end).map(({ path }) => basename(path)) };
}

/**
 * Cuts the file into runs: each member with its header and padding belongs to one, small neighbours share one. In an
 * undamaged file the runs cover every byte exactly once.
 */
export function planRuns(scan: Scan, fileSize: number): readonly Run[] {
  const runs: { start: number; end: number; pieces: Piece[] }[] = [];
  const add = (start: number, pieces: readonly Piece[]): void => {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const last = runs.at(-1);
    if (last !== undefined && last.end === start && last.end - last.start + size <= RUN_SIZE) {
      last.pieces.push(...pieces);
      last.end += size;
    } else runs.push({ start, end: start + size, pieces: [...pieces] });
  };
  for (const member of scan.members) add(member.headerOffset, piecesOf(member, fileSize));
  const zeros = Math.max(0, Math.min(TAR_END, fileSize - scan.end));
  if (zeros > 0) add(scan.end, [{ role: 'zeros', length: zeros, member: WHOLE_BUNDLE }]);
  return runs.map(({ start, pieces }) => ({ start, pieces }));
}

function piecesOf({ path, size, headerOffset, offset, end }: FoundMember, fileSize: number): readonly Piece[] {
  const padding = Math.min(end, fileSize) - offset - size;
  return [
    { role: 'header', length: offset - headerOffset, member: path },
    { role: 'data', length: size, member: path },
    { role: 'zeros', length: padding, member: path },
  ];
}

async function readSums(file: SharedFile, members: readonly FoundMember[]): Promise<string | undefined> {
  const found = members.find(({ path }) => path === SHA256SUMS);
  if (found === undefined || found.size > BUNDLE_JSON_LIMIT) return undefined;
  return (await file.read(found.offset, found.size)).toString('utf8');
}

/** Right lines in a wrong form: another order, or in bytes that do not show as text. */
function checkSumsText(found: string | undefined, digests: Hashed['digests']): readonly Finding[] {
  const wanted = formatSums(digests.filter(({ path }) => path !== SHA256SUMS && !isSignaturePath(path)));
  if (found === wanted) return [];
  return [{ member: SHA256SUMS, reason: found === undefined ? 'it is missing or too large' : 'it is not in canonical form' }];
}
