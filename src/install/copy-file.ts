import { constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile, lstat, open, rm } from 'node:fs/promises';
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
 * Copies a large file, saying how far it is, and has it on disk when it resolves; at once where the file system can share
 * the blocks. A shorter target is taken for the start of an earlier copy and gone on with: who calls must verify the
 * whole. Returns how many bytes were there. Throws the signal's reason when it aborts, and the errors of the file system.
 */
export async function copyLargeFile(source: string, target: string, options: CopyOptions): Promise<number> {
  const present = await startOfCopy(target, options.size);
  if (present > 0 || !(await cloneFile(source, target))) await copyBytes(source, target, present, options);
  const handle = await open(target, 'r');
  await handle.sync().finally(() => handle.close());
  return present;
}

/** How much of an earlier copy can be gone on with; anything that is none is removed. */
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

async function copyBytes(source: string, target: string, present: number, { size, clock, emit, signal }: CopyOptions): Promise<void> {
  const task = { id: `copy ${target}`, title: `Copy ${basename(source)}` };
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
      createReadStream(source, { start: present, highWaterMark: CHUNK_BYTES }),
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
