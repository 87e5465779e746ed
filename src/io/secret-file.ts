import { CaissonError } from '../core/index.ts';
import { readBounded, readOpened, unreadable } from './text-file.ts';

const SECRET_FILE_LIMIT = 64 * 1024;
const GROUP_AND_OTHERS = 0o077;

export interface ReadSecretFileOptions {
  /** False for a text that every user may read, for instance a public key. Every text is a secret unless this says otherwise. */
  readonly isSecret?: (text: string) => boolean;
}

/**
 * Reads a file with a key or password, at most 64 KiB. Throws INPUT_UNREADABLE, and SECRET_EXPOSED when the group or
 * others have any permission on it.
 */
export async function readSecretFile(path: string, { isSecret = () => true }: ReadSecretFileOptions = {}): Promise<string> {
  return readOpened(path, async (file) => {
    // The open file is asked, not the path: it cannot be exchanged in between.
    const { mode } = await file.stat();
    const text = await readBounded(file, path, SECRET_FILE_LIMIT);
    if ((mode & GROUP_AND_OTHERS) !== 0 && isSecret(text)) throw exposed(path, mode);
    return text;
  });
}

/** A password: the first line of a secret file, without its line feed. */
export async function readPasswordFile(path: string): Promise<string> {
  const [password = ''] = (await readSecretFile(path)).split(/\r?\n/, 1);
  if (password === '') throw unreadable(path, 'its first line is empty');
  return password;
}

function exposed(path: string, mode: number): CaissonError {
  const octal = (mode & 0o777).toString(8).padStart(3, '0');
  return new CaissonError('SECRET_EXPOSED', `Cannot use "${path}" with mode ${octal}: others than its owner can read or change it`, {
    hint: `Run: chmod 600 ${path}; replace the secret if somebody may have read it`,
  });
}
