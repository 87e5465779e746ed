import { constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errnoOf, type Clock, type Emit } from '../core/index.ts';

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
 * the blocks. Throws the signal's reason when it aborts, and the errors of the file system.
 */
export async function copyLargeFile(source: string, target: string, options: CopyOptions): Promise<void> {
  if (!(await cloneFile(source, target))) await copyBytes(source, target, options);
  const handle = await open(target, 'r');
  await handle.sync().finally(() => handle.close());
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

async function copyBytes(source: string, target: string, { size, clock, emit, signal }: CopyOptions): Promise<void> {
  const task = { id: `copy ${target}`, title: `Copy ${basename(source)}` };
  const started = clock.monotonic();
  emit({ type: 'task.started', ...task, total: size, unit: 'bytes' });
  let done = 0;
  let said = 0;
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
      createReadStream(source, { highWaterMark: CHUNK_BYTES }),
      count,
      createWriteStream(target, { mode: 0o644, highWaterMark: CHUNK_BYTES }),
      { signal },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    emit({ type: 'task.finished', ...task, ms: clock.monotonic() - started });
  }
}
