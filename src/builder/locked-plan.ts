import { planBundle, type BundlePlan, type BundleReader } from '../bundle/index.ts';
import { CaissonError, digestOf, formatSize, type Digest } from '../core/index.ts';
import { parseSource } from '../sources/index.ts';
import { newestRelease } from './content-date.ts';
import { executableName, type ExecutableFile } from './executables.ts';
import { requireFit } from './fit.ts';
import { readInputs, type InputOptions } from './inputs.ts';
import { formatLock, readLock, type BundleLock, type LockedImage } from './lock.ts';
import { lockIn } from './lock-of.ts';
import { planBuild, type InputFile, type Origin } from './plan.ts';
import { provePackages } from './prove-packages.ts';

/** A bundle as its lock gives it, before its bytes are fetched. */
export interface LockedPlan {
  readonly lock: BundleLock;
  /** Digest of the lock's text, which is that of the lock's member in the bundle. */
  readonly lockDigest: Digest;
  readonly plan: BundlePlan;
  readonly origins: ReadonlyMap<string, readonly Origin[]>;
}

/** The plan of a lock with the executables of this machine that it names. */
export interface LocalLockedPlan extends LockedPlan {
  readonly executables: readonly ExecutableFile[];
  /** Files of this machine that are members, by path of the member. */
  readonly files: ReadonlyMap<string, string>;
}

export interface LockedRequest extends InputOptions {
  /** Path of the lock. */
  readonly lock: string;
  /** Of the bundle; the platform's by default. */
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  /** SOURCE_DATE_EPOCH: the time in the bundle, instead of the newest upstream date. */
  readonly sourceDate?: Date | undefined;
}

/**
 * Plans the bundle that `build-bundle --frozen` would build from the same inputs, byte for byte, and sends no request.
 * Throws LOCK_MISMATCH naming every difference between the inputs and the lock, and the errors of readInputs and readLock.
 */
export async function planLocked(request: LockedRequest): Promise<LocalLockedPlan> {
  const inputs = await readInputs(request);
  const lock = requireFit(inputs, await readLock(request.lock), request.lock);
  const { name = inputs.name, version = inputs.version, sourceDate = newestRelease(lock.operatingSystems) } = request;
  await provePackages(inputs.packages, lock, sourceDate, request.signal);
  const planned = planOfLock(lock, { name, version, date: sourceDate, files: inputs.files });
  const { executables } = inputs;
  return { ...planned, executables, files: new Map(executables.map(({ platform, path }) => [executableName(platform), path])) };
}

const FILE_LIMIT = 16 * 1024 * 1024;

/**
 * The same plan, from a bundle that was begun: its lock and the files that people wrote are in it. Throws BUNDLE_DAMAGED
 * when they do not give this bundle.
 */
export async function planOfBegun(reader: BundleReader): Promise<LockedPlan> {
  const { name, version, date } = reader.manifest;
  const lock = await lockIn(reader);
  const files: InputFile[] = [];
  for (const { path } of lock.files) files.push({ path, content: await reader.read(path, { limit: FILE_LIMIT }) });
  const planned = planOfLock(lock, { name, version, date: new Date(date), files });
  if (planned.plan.bundleDigest === reader.bundleDigest) return planned;
  throw new CaissonError(
    'BUNDLE_DAMAGED',
    `Cannot go on with "${reader.path}" (${formatSize(reader.size)}): its lock gives bundle ${planned.plan.bundleDigest}, it is ${reader.bundleDigest}`,
    { hint: 'Begin it again with the lock: run the command that names it with --lock' },
  );
}

/** The images of a lock that come from this machine: from its Docker engine, an archive or a layout. */
export function localImages({ images }: BundleLock): readonly LockedImage[] {
  return images.filter(({ source }) => parseSource(source).transport !== 'registry');
}

function planOfLock(
  lock: BundleLock,
  facts: { readonly name: string; readonly version: string; readonly date: Date; readonly files: readonly InputFile[] },
): LockedPlan {
  const { input, origins } = planBuild(lock, facts);
  return { lock, lockDigest: digestOf(Buffer.from(formatLock(lock))), plan: planBundle(input), origins };
}
