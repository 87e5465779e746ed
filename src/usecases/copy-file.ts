import { constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile, lstat, open, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errnoOf, formatSize, type Clock, type Emit } from '../core/index.ts';

const CHUNK_BYTES = 1024 * 1024;
const EVENT_BYTES = 16 * CHUNK_BYTES;

export interface CopyOptions {
  readonly size: number;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Copies one large file, or several joined in order, and emits its progress. All bytes are on disk when it resolves. A
 * file system that can share blocks clones a single file instead of copying it. A target that is not larger than `size`
 * is taken for the start of an earlier copy and continued: the caller must verify the whole. Returns the number of
 * bytes that were there. Throws the reason of the signal when it aborts, and errors of the file system.
 */
export async function copyLargeFile(sources: readonly string[], target: string, options: CopyOptions): Promise<number> {
  const present = await startOfCopy(target, options.size);
  const [only, ...more] = sources;
  const isCloned = present === 0 && only !== undefined && more.length === 0 && (await cloneFile(only, target));
  if (!isCloned) await copyBytes(sources, target, present, options);
  const handle = await open(target, 'r');
  await handle.sync().finally(() => handle.close());
  return present;
}

/** Returns the size of an earlier copy to continue. Removes a target that cannot be one and returns 0. */
async function startOfCopy(target: string, size: number): Promise<number> {
  const stats = await lstat(target).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (stats?.isFile() === true && stats.size <= size) return stats.size;
  await rm(target, { force: true });
  return 0;
}

async function cloneFile(source: string, target: string): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    if (['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

async function copyBytes(
  sources: readonly string[],
  target: string,
  present: number,
  { size, clock, emit, signal }: CopyOptions,
): Promise<void> {
  const task = { id: `copy ${target}`, title: `Copy ${basename(sources[0] ?? target)}` };
  const started = clock.monotonic();
  emit({ type: 'task.started', ...task, total: size, unit: 'bytes' });
  if (present > 0) emit({ type: 'note', message: `Going on with "${target}": ${formatSize(present)} of ${formatSize(size)} are there` });
  let done = present;
  let said = present;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      if (done - said >= EVENT_BYTES) {
        said = done;
        emit({ type: 'task.progress', id: task.id, done, total: size });
      }
      next(null, chunk);
    },
  });
  try {
    await pipeline(
      () => readAll(sources, present),
      count,
      createWriteStream(target, { flags: present > 0 ? 'a' : 'w', mode: 0o644, highWaterMark: CHUNK_BYTES }),
      { signal },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    emit({ type: 'task.finished', ...task, ms: clock.monotonic() - started });
  }
}

/** Reads the sources as one stream, from a position in it. */
async function* readAll(sources: readonly string[], position: number): AsyncGenerator<Buffer> {
  let before = 0;
  for (const source of sources) {
    const { size } = await stat(source);
    const start = Math.max(0, position - before);
    if (start < size) yield* createReadStream(source, { start, highWaterMark: CHUNK_BYTES });
    before += size;
  }
}
