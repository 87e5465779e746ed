import { open } from 'node:fs/promises';
import type { BackupSource } from '../../backup/index.ts';
import { CaissonError, messageOf } from '../../core/index.ts';

const CHUNK = 2 ** 20;

/** The bytes of the file of a backup. Throws INPUT_UNREADABLE when it cannot be read. */
export async function backupSource(file: string): Promise<BackupSource> {
  const source: BackupSource = async () => {
    const handle = await open(file, 'r');
    return handle.createReadStream({ highWaterMark: CHUNK });
  };
  try {
    const handle = await open(file, 'r');
    try {
      // A directory can be opened, and not be read.
      await handle.read(Buffer.alloc(1), 0, 1, 0);
    } finally {
      await handle.close();
    }
    return source;
  } catch (cause) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${file}": ${messageOf(cause)}`, { cause });
  }
}
