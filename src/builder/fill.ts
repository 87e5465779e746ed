import type { Readable } from 'node:stream';
import pLimit from 'p-limit';
import type { BundleEntry, BundleWriter } from '../bundle/index.ts';
import { CaissonError, errnoOf, hasCode, messageOf, sortedBy, type Emit, type ErrorCode } from '../core/index.ts';
import { failureLines, type Failure } from './failure-lines.ts';
import type { Origin } from './plan.ts';

/** Opens the bytes of a member from `offset` on at one of its origins. The stream goes on by itself where a connection breaks. */
export type OpenOrigin = (origin: Origin, entry: BundleEntry, offset: number, signal: AbortSignal) => Promise<Readable>;

export type FilledWriter = Pick<BundleWriter, 'pending' | 'present' | 'fill' | 'prove'>;

export interface FillOptions {
  readonly open: OpenOrigin;
  /** Most members that are fetched at the same time. */
  readonly jobs: number;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/** Faults after which the other members are not tried: the network is gone. Failures by one dead host are one fault. */
const FAULTS_LIMIT = 8;

/**
 * Brings every pending member to its place, the largest first. When one origin fails, the next one is asked. Throws
 * BUILD_INCOMPLETE naming the members that failed, or the error that stopped the writer; members may then be pending.
 */
export async function fillBundle(
  writer: FilledWriter,
  origins: ReadonlyMap<string, readonly Origin[]>,
  options: FillOptions,
): Promise<void> {
  const limit = pLimit(options.jobs);
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const failures: Failure[] = [];
  let fatal: { readonly error: unknown } | undefined;
  let skipped = 0;
  const faults = new Set<CaissonError>();

  const work = async (entry: BundleEntry): Promise<void> => {
    if (signal.aborted || faults.size >= FAULTS_LIMIT) {
      skipped += 1;
      return;
    }
    try {
      await fillMember(writer, entry, origins.get(entry.path) ?? [], { ...options, signal });
    } catch (error) {
      if (isOfOrigin(error)) {
        failures.push({ what: entry.path, error });
        faults.add(error);
      } else {
        fatal ??= { error };
        stop.abort(error);
      }
    }
  };

  const entries = writer.pending().toSorted((left, right) => right.size - left.size);
  await Promise.all(entries.map((entry) => limit(() => work(entry))));
  options.signal?.throwIfAborted();
  if (fatal !== undefined) throw fatal.error;
  if (failures.length > 0) throw incomplete(failures, skipped);
}

/**
 * Fills one member from the first origin that gives its bytes, continuing behind the bytes that are written. After a
 * digest mismatch the whole member is fetched once more from the same origin.
 */
export async function fillMember(
  writer: FilledWriter,
  entry: BundleEntry,
  origins: readonly Origin[],
  { open, emit, signal }: FillOptions & { readonly signal: AbortSignal },
): Promise<void> {
  if (origins.length === 0) throw new Error(`The plan names no origin for "${entry.path}"`);
  const waiting = [...origins];
  let again = true;
  for (let attempt = 1; ; attempt += 1) {
    const [origin] = waiting;
    if (origin === undefined) throw new Error(`No origin is left for "${entry.path}"`);
    const startsAt = writer.present(entry);
    try {
      await goOn(writer, entry, startsAt, () => open(origin, entry, startsAt, signal));
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!isOfOrigin(error)) throw asReadError(error, entry);
      const isMismatch = hasCode(error, 'DIGEST_MISMATCH');
      // The bytes of an earlier run may be wrong, so this origin may still be right.
      const isContinued = isMismatch && startsAt > 0 && writer.present(entry) === 0;
      if (!isContinued) waiting.shift();
      if (isMismatch && again && waiting.length === 0) {
        again = false;
        waiting.push(origin);
      }
      if (waiting.length === 0) throw error;
      emit({ type: 'retry', what: `${entry.path} from ${entry.origin}`, reason: messageOf(error), attempt, delayMs: 0 });
    }
  }
}

/** Fills the rest of a member; a complete member is proven without opening its origin. */
async function goOn(writer: FilledWriter, entry: BundleEntry, startsAt: number, open: () => Promise<Readable>): Promise<void> {
  if (startsAt === 0 || startsAt < entry.size) {
    const outcome = await writer.fill(entry, await open(), startsAt);
    if (outcome === 'proven') return;
  }
  await writer.prove(entry);
}

/** Codes of failures of an origin, which another origin or a later attempt may mend. Failures of the disk are not among them. */
const OF_ORIGIN: ReadonlySet<ErrorCode> = new Set([
  'FETCH_FAILED',
  'AUTH_FAILED',
  'RATE_LIMITED',
  'IMAGE_NOT_FOUND',
  'IMAGE_UNSUPPORTED',
  'LIMIT_EXCEEDED',
  'DIGEST_MISMATCH',
  'BLOB_UNKNOWN',
]);

export function isOfOrigin(error: unknown): error is CaissonError {
  return error instanceof CaissonError && OF_ORIGIN.has(error.code);
}

/** A file of this machine that cannot be read; where it cannot be written, the writer says so. */
function asReadError(error: unknown, entry: BundleEntry): unknown {
  if (error instanceof CaissonError || errnoOf(error) === undefined) return error;
  return new CaissonError('INPUT_UNREADABLE', `Cannot read what "${entry.path}" is made from: ${messageOf(error)}`, {
    cause: error,
    hint: 'When the file is there again, run the command again: it goes on with what is there',
  });
}

function incomplete(failures: readonly Failure[], skipped: number): CaissonError {
  const sorted = sortedBy(failures, ({ what }) => what);
  const lines = failureLines(sorted, (group) => `${group.length} members`);
  const more = skipped === 0 ? '' : `\n  ${skipped} more were not tried`;
  return new CaissonError('BUILD_INCOMPLETE', `Cannot download ${failures.length} members of the bundle:\n${lines.join('\n')}${more}`, {
    cause: failures[0]?.error,
    hint: 'Run the command again when the servers answer: it goes on with what is there',
  });
}
