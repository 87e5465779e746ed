import { isDeepStrictEqual } from 'node:util';
import {
  BundlePlanError,
  planBundle,
  WHOLE_BUNDLE,
  type BundlePlan,
  type BundleReader,
  type Finding,
  type HeldBundle,
  type PlannedMember,
} from '../bundle/index.ts';
import { CaissonError, digestOf } from '../core/index.ts';
import { asDelta } from './bases.ts';
import { formatDate, newestRelease } from './content-date.ts';
import type { BundleLock } from './lock.ts';
import { planBuild, type InputFile } from './plan.ts';

/** Every difference between a bundle and the one that a lock gives, by member. */
export class RebuildDiffersError extends CaissonError {
  readonly differences: readonly Finding[];

  constructor(bundle: string, lock: string, differences: readonly Finding[]) {
    const lines = differences.map(({ member, reason }) => `  ${member}: ${reason}`).join('\n');
    super('REBUILD_DIFFERS', `Cannot get "${bundle}" from "${lock}":\n${lines}`, {
      hint: 'Take the lock that lies in the bundle (bundle.lock.json) and compare it with yours, or build the bundle again',
    });
    this.differences = differences;
  }

  override get data(): Readonly<Record<string, unknown>> {
    return { differences: this.differences };
  }
}

export interface Rebuilt {
  /** Every difference from the planned bundle; empty when the lock gives this bundle. */
  readonly differences: readonly Finding[];
  /** True when the time in the bundle is not the lock's: SOURCE_DATE_EPOCH was set. */
  readonly isDated: boolean;
}

/**
 * Plans a bundle again, from a lock and from the files of the user that the bundle carries, and compares the plan with
 * the bundle, member by member and header by header. Name, version, time and the base entries of a delta are taken from
 * the bundle itself. The bytes are not read: verifyBundle compares them with the bundle's own list, and both together
 * prove that the lock gives this file.
 */
export async function planAgain(reader: BundleReader, lock: BundleLock): Promise<Rebuilt> {
  const { name, version, date, bases, baseEntries } = reader.manifest;
  const { files, differences } = await userFiles(reader, lock);
  const held = bases.map((base): HeldBundle => ({ ...base, members: baseEntries.filter((entry) => entry.base === base.digest) }));
  const isDated = date !== formatDate(newestRelease(lock.operatingSystems));
  try {
    const { input } = planBuild(lock, { name, version, date: new Date(date), files });
    differences.push(...differencesOfPlans(planBundle(asDelta(input, held)), reader));
  } catch (error) {
    if (!(error instanceof BundlePlanError)) throw error;
    differences.push(...error.problems);
  }
  return { differences: unique(differences), isDated };
}

/** The files that the lock names, as far as the bundle has them with these digests. */
async function userFiles(reader: BundleReader, lock: BundleLock): Promise<{ files: InputFile[]; differences: Finding[] }> {
  const files: InputFile[] = [];
  const differences: Finding[] = [];
  for (const { path, digest, size } of lock.files) {
    const entry = reader.entry(path);
    if (entry === undefined) {
      differences.push({ member: path, reason: 'the lock has it, the bundle does not' });
      continue;
    }
    const content = await reader.read(path, { limit: entry.size });
    files.push({ path, content });
    if (entry.digest !== digest || entry.size !== size) {
      differences.push({
        member: path,
        reason: `the lock has it with ${digest} (${size} bytes), the bundle with ${digestOf(content)} (${content.byteLength} bytes)`,
      });
    }
  }
  return { files, differences };
}

function differencesOfPlans(wanted: BundlePlan, reader: BundleReader): Finding[] {
  if (wanted.bundleDigest === reader.bundleDigest) return [];
  const paths = new Set(wanted.manifest.entries.map(({ path }) => path));
  const findings = [...reader.manifest.entries, ...reader.manifest.baseEntries]
    .filter(({ path }) => !paths.has(path) && !wanted.manifest.baseEntries.some((entry) => entry.path === path))
    .map(({ path }): Finding => ({ member: path, reason: 'the bundle has it, the lock does not give it' }));
  for (const member of wanted.members) findings.push(...differencesOfMember(member, reader));
  for (const key of ['platforms', 'images', 'repositories', 'bases', 'baseEntries'] as const) {
    if (isDeepStrictEqual(wanted.manifest[key], reader.manifest[key])) continue;
    findings.push({ member: 'bundle.json', reason: `its "${key}" are not what the lock gives` });
  }
  if (findings.length > 0) return findings;
  return [{ member: WHOLE_BUNDLE, reason: `the lock gives bundle ${wanted.bundleDigest}, this one is ${reader.bundleDigest}` }];
}

/** Derived documents differ whenever anything does; where they lie follows from the others, too. */
function differencesOfMember(wanted: PlannedMember, reader: BundleReader): Finding[] {
  const { path } = wanted;
  if (path === 'bundle.json' || path === 'SHA256SUMS') return [];
  const found = reader.entry(path);
  if (found === undefined) return [{ member: path, reason: 'the lock gives it, the bundle does not have it' }];
  const keys = ['digest', 'size', 'mode', 'kind', 'origin'] as const;
  return keys
    .filter((key) => found[key] !== wanted[key])
    .slice(0, 1)
    .map((key) => ({ member: path, reason: `its ${key} is ${found[key]}, the lock gives ${wanted[key]}` }));
}

/** Keeps one finding for each member; a finding from the lock wins over one that follows from the plan. */
function unique(findings: readonly Finding[]): Finding[] {
  const first = new Map<string, Finding>();
  for (const finding of findings) {
    const key = finding.member === 'bundle.json' ? finding.reason : finding.member;
    if (!first.has(key)) first.set(key, finding);
  }
  return [...first.values()];
}
