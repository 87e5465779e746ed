import type { Readable } from 'node:stream';
import { unpackBackup, type TakeData } from './archive.ts';
import { openBackup, type BackupSource, type Opener } from './seal.ts';

/**
 * Decrypts and checks a whole backup. Throws what openBackup and unpackBackup throw; for a message that was changed,
 * BACKUP_DAMAGED, whatever its changed bytes look like in the tar. `take` gets the data of components before the end of the
 * message has proved them: only what was checked once without it should be read with it.
 */
export async function readBackup(
  source: BackupSource,
  opener: Opener,
  file: string,
  take?: TakeData,
): Promise<Awaited<ReturnType<typeof unpackBackup>>> {
  const stream = await openBackup(source, opener, file);
  try {
    return await unpackBackup(chunksOf(stream), file, take);
  } catch (error) {
    // At the end of the message it shows whether its bytes were changed.
    if (take === undefined && !stream.destroyed) for await (const chunk of chunksOf(stream)) void chunk;
    throw error;
  } finally {
    stream.destroy();
  }
}

/** The chunks of a stream, which is not destroyed when the reading stops early. */
function chunksOf(stream: Readable): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => stream.iterator({ destroyOnReturn: false }) };
}
