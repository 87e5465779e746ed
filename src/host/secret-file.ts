import { open } from 'node:fs/promises';
import { CaissonError, errnoOf } from '../core/index.ts';

const MAX_SECRET_BYTES = 64 * 1024;

/**
 * Reads a key or password that only its owner may read. Throws INPUT_UNREADABLE, or HOST_SECRET_EXPOSED when the group or
 * others can read it.
 */
export async function readSecretFile(path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, errnoOf(error) ?? 'unknown reason', error);
  });
  try {
    // The open file is asked, not the path: it cannot be exchanged in between.
    const { mode, size } = await file.stat();
    if ((mode & 0o077) !== 0) {
      throw new CaissonError('HOST_SECRET_EXPOSED', `Cannot use "${path}": others can read it (mode ${(mode & 0o777).toString(8)})`, {
        hint: `chmod 600 ${path}`,
      });
    }
    if (size > MAX_SECRET_BYTES) throw unreadable(path, `it is ${size} bytes long, at most ${MAX_SECRET_BYTES} are read`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** A password: the first line of a secret file, without its line feed. */
export async function readPasswordFile(path: string): Promise<string> {
  const [password = ''] = (await readSecretFile(path)).split(/\r?\n/, 1);
  if (password === '') throw unreadable(path, 'its first line is empty');
  return password;
}

function unreadable(path: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('INPUT_UNREADABLE', `Cannot read "${path}": ${reason}`, { cause });
}
