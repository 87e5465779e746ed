import { mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import {
  BundleWriter,
  outputParts,
  planBundle,
  signBundle,
  signedPlan,
  signPlan,
  type BundleBase,
  type BundlePlan,
  type Trust,
} from '../bundle/index.ts';
import { CaissonError, messageOf, platformSlug, type Emit, type Platform } from '../core/index.ts';
import { asDelta, readBases } from './bases.ts';
import type { Signer } from '../sshsig/index.ts';
import { withPlatformCheck } from './config-platforms.ts';
import { newestRelease } from './content-date.ts';
import { placeExecutables } from './executables.ts';
import { fillBundle } from './fill.ts';
import { requireFit } from './fit.ts';
import { lintBuild } from './lint-inputs.ts';
import { readInputs, type BuildInputs, type InputOptions } from './inputs.ts';
import { lockChanges, type LockChange } from './lock-changes.ts';
import { lockOf } from './lock-of.ts';
import { readLock, writeLock, type BundleLock } from './lock.ts';
import { MANIFESTS_MEMBER, planBuild, type Origin } from './plan.ts';
import { provePackages } from './prove-packages.ts';
import { resolveLock } from './resolve.ts';
import { strayWarnings } from './strays.ts';
import { finishedFiles } from './unchanged.ts';
import { updatesOf } from './updates.ts';
import { zstdWarnings } from './zstd-warnings.ts';
import { originOpener, type Upstream } from './upstream.ts';

export interface BuildRequest extends InputOptions {
  /** Of the bundle; the platform's by default. */
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  /** Path of the bundle; bundles/<name>-<version>-<platform>.tar by default. */
  readonly output?: string | undefined;
  /** Path of the lock. */
  readonly lock: string;
  /** Build from the lock alone. */
  readonly frozen: boolean;
  /** Resolve again also inputs that the lock has: all of them, or those of these names. */
  readonly update: boolean | readonly string[];
  /** Path of a lock or bundle that the result is compared with; the lock by default. */
  readonly against?: string | undefined;
  /** Plan only: write nothing, not even the lock. */
  readonly planOnly: boolean;
  /** Paths of bundles and receipts: the bundle omits the members that they hold. */
  readonly bases: readonly string[];
  /** Whose receipts count among them. */
  readonly trust?: Trust | undefined;
  /** Who signs the bundle. */
  readonly signers: readonly Signer[];
  /** Size of one volume in bytes; without it the bundle is one file. */
  readonly volumeSize?: number | undefined;
  /** Most downloads at the same time. */
  readonly jobs: number;
  /** SOURCE_DATE_EPOCH: the time in the bundle, instead of the newest upstream date. */
  readonly sourceDate?: Date | undefined;
}

export interface BuildResult {
  /** `unchanged`: the bundle existed already, and no request was sent. */
  readonly outcome: 'planned' | 'built' | 'unchanged';
  readonly output: string;
  /** Paths of the volumes; the output itself when it is not cut. */
  readonly files: readonly string[];
  readonly lock: BundleLock;
  readonly plan: BundlePlan;
  readonly origins: ReadonlyMap<string, readonly Origin[]>;
  /** Names of files of files.txt whose line has their digest. */
  readonly promised: ReadonlySet<string>;
  /** Executables written beside the bundle. */
  readonly executables: readonly string[];
  readonly lockWritten: boolean;
  /** How many warnings the documents gave. */
  readonly warnings: number;
  /** Differences from the lock before, or from that of `against`; undefined where there is none. */
  readonly changes: readonly LockChange[] | undefined;
}

/**
 * Builds a bundle: reads the inputs, resolves those that the lock does not have, writes the lock, computes the whole
 * file, and fills it. The same lock and the same inputs give the same bytes. With bases the result is a delta without
 * the members of the bases. Throws LINT_FAILED, BUILD_UNRESOLVED, LOCK_MISMATCH, BUILD_INCOMPLETE and the errors of readInputs and
 * provePackages; then
 * there is no file under the final name.
 */
export async function buildBundle(request: BuildRequest, upstream: Upstream): Promise<BuildResult> {
  const inputs = await readInputs({ ...request, signal: upstream.signal });
  const warnings = await lintBuild(inputs.written, inputs.platforms, upstream.emit);
  for (const warning of await strayWarnings(request.manifests, ownFiles(request, inputs))) upstream.emit(warning);
  const bases = await readBases(request.bases, { trust: request.trust, emit: upstream.emit });
  const { lock, before } = await lockFor(request, inputs, upstream);
  const changes = before === undefined ? undefined : lockChanges(before, lock);
  for (const message of zstdWarnings(lock)) upstream.emit({ type: 'warning', message });
  const name = request.name ?? inputs.name;
  const version = request.version ?? inputs.version;
  const date = request.sourceDate ?? newestRelease(lock.operatingSystems);
  await provePackages(inputs.packages, lock, date, upstream.signal);
  const { input, origins } = planBuild(lock, { name, version, date, files: inputs.files });
  const plan = planBundle(asDelta(input, bases));
  warnOfUseless(bases, plan, upstream.emit);
  const suffix = bases.length === 0 ? '.tar' : '-delta.tar';
  const output = request.output ?? join('bundles', `${name}-${version}-${slugOf(inputs.platforms)}${suffix}`);
  const parts = outputParts(output, plan.size, request.volumeSize);
  const promised = new Set(inputs.listedFiles.flatMap(({ name: called, digest }) => (digest === undefined ? [] : [called])));
  const result = { output, files: parts.map(({ path }) => path), lock, plan, origins, promised, warnings, changes };
  if (request.planOnly) return { ...result, outcome: 'planned', executables: [], lockWritten: false };

  const lockWritten = !request.frozen && (await writeLock(request.lock, lock));
  const there = await finishedFiles(output, plan, request.volumeSize);
  const files = there ?? (await write(plan, origins, output, { request, inputs, lock, upstream }));
  if (there !== undefined) {
    await BundleWriter.tidy(output);
    await signBundle(there, request.signers);
  }
  const executables = await placeExecutables(inputs.executables, dirname(output), upstream.signal);
  return { ...result, files, outcome: there === undefined ? 'built' : 'unchanged', executables, lockWritten };
}

/** Paths below the manifests directory of the files that the build knows: sealed ones, the lists of images and files, the lock. */
function ownFiles({ manifests, images, lock }: BuildRequest, { files, written }: BuildInputs): ReadonlySet<string> {
  const sealed = files.map(({ path }) => relative(MANIFESTS_MEMBER, path));
  return new Set([...sealed, ...[...images, ...written.fileLists, lock].map((path) => relative(manifests, path))]);
}

function warnOfUseless(bases: readonly BundleBase[], plan: BundlePlan, emit: Emit): void {
  for (const { name, version, digest } of bases) {
    if (plan.manifest.bases.some((base) => base.digest === digest)) continue;
    emit({ type: 'warning', message: `Base ${name} ${version} (bundle ${digest}) is not needed: nothing of it is in this bundle` });
  }
}

interface LockedBuild {
  readonly lock: BundleLock;
  /** The lock to compare it with. */
  readonly before: BundleLock | undefined;
}

async function lockFor(request: BuildRequest, inputs: BuildInputs, upstream: Upstream): Promise<LockedBuild> {
  // An unreadable lock is an error with --update, too: the name may be a mistake, and the file would be overwritten.
  const former = await readLock(request.lock);
  const before = request.against === undefined ? former : await lockOf(request.against);
  if (request.frozen) return { lock: requireFit(inputs, former, request.lock), before };
  const tools = { ...upstream, jobs: request.jobs };
  if (typeof request.update === 'boolean') return { lock: await resolveLock(inputs, request.update ? undefined : former, tools), before };
  if (former === undefined) {
    throw new CaissonError('USAGE', `Cannot update ${request.update.join(', ')}: there is no lock at "${request.lock}"`, {
      hint: 'Leave --update out: without a lock everything is resolved',
    });
  }
  return { lock: await resolveLock(inputs, former, tools, updatesOf(request.update, former)), before };
}

interface WriteParts {
  readonly request: BuildRequest;
  readonly inputs: BuildInputs;
  readonly lock: BundleLock;
  readonly upstream: Upstream;
}

async function write(
  plan: BundlePlan,
  origins: ReadonlyMap<string, readonly Origin[]>,
  output: string,
  { request, inputs, lock, upstream }: WriteParts,
): Promise<readonly string[]> {
  const { emit, clock, signal } = upstream;
  await mkdir(dirname(output), { recursive: true }).catch((cause: unknown) => {
    throw new CaissonError('BUNDLE_WRITE_FAILED', `Cannot make the directory of "${output}": ${messageOf(cause)}`, {
      cause,
      hint: 'Choose an --output that you may write',
    });
  });
  const options = { emit, clock, volumeSize: request.volumeSize, ...(signal === undefined ? {} : { signal }) };
  // Asked for before the long work: a key that cannot sign shows now.
  const signed = signedPlan(plan, await signPlan(plan, request.signers));
  const writer = await BundleWriter.create(signed, output, options);
  try {
    const open = withPlatformCheck(originOpener(upstream, inputs.executables), lock, emit);
    await fillBundle(writer, origins, { open, jobs: request.jobs, emit, signal });
    await writer.finish();
    return outputParts(output, signed.size, request.volumeSize).map(({ path }) => path);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function slugOf(platforms: readonly Platform[]): string {
  return platforms.map(platformSlug).join('_');
}
