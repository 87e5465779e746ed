import { open } from 'node:fs/promises';
import { CaissonError, errnoOf, messageOf } from '../../core/index.ts';

const LIMIT = 1024 * 1024;

/** Reads a private key file. Throws INPUT_UNREADABLE, and KEY_UNSAFE when every user of the machine can read it. */
export async function readSecretFile(path: string): Promise<string> {
  return read(path, (mode) => {
    if ((mode & 0o004) !== 0) {
      throw new CaissonError('KEY_UNSAFE', `Cannot use private key "${path}": every user of this machine can read it`, {
        hint: `chmod 600 ${path}, and replace the key if others may have read it`,
      });
    }
  });
}

/** Reads a small text file that the user named. Throws INPUT_UNREADABLE. */
export async function readTextFile(path: string): Promise<string> {
  return read(path, () => {});
}

/** Like readTextFile, with undefined for a file that does not exist. */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (error instanceof CaissonError && errnoOf(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The permissions are those of the opened file, so that no other can take its place in between. */
async function read(path: string, checkMode: (mode: number) => void): Promise<string> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw unreadable(path, messageOf(cause), cause);
  });
  try {
    const { mode, size } = await file.stat();
    checkMode(mode);
    if (size > LIMIT) throw unreadable(path, `it is larger than ${LIMIT} bytes`);
    return await file.readFile('utf8').catch((cause: unknown) => {
      throw unreadable(path, messageOf(cause), cause);
    });
  } finally {
    await file.close();
  }
}

function unreadable(path: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${reason}`, cause === undefined ? {} : { cause });
}
