import { access } from 'node:fs/promises';
import { CaissonError, errnoOf, InvalidInputError, type InputProblem } from '../core/index.ts';
import { readYaml, readPasswordFile } from '../io/index.ts';
import { readIdentity } from './identities.ts';
import { locateFile, type LoginPlaces, type SshLogin } from './ssh-login.ts';

type FileSetting = 'identityFile' | 'passphraseFile' | 'passwordFile' | 'sudoPasswordFile' | 'config';

/**
 * Reads every file that the ssh section of cluster.yaml names, so that a missing or unusable file is reported once and
 * not once for each host. Throws InvalidInputError with all such files and their lines. `text` is the content of
 * cluster.yaml that `ssh` was read from.
 */
export async function checkLoginFiles(text: string, file: string, ssh: SshLogin, places: LoginPlaces): Promise<void> {
  const document = readYaml(text, file);
  const problems: InputProblem[] = [];
  const check = async (key: FileSetting, read: (path: string) => Promise<unknown>): Promise<void> => {
    const named = ssh[key];
    if (typeof named !== 'string') return;
    const path = locateFile(named, places);
    try {
      await read(path);
    } catch (error) {
      problems.push(document.problemAt(['ssh', key], ...describe(path, error)));
    }
  };
  const passphrase = await passphraseOf(ssh, places);
  await check('identityFile', (path) => readIdentity(path, passphrase));
  await check('passphraseFile', readPasswordFile);
  await check('passwordFile', readPasswordFile);
  await check('sudoPasswordFile', readPasswordFile);
  await check('config', access);
  if (problems.length > 0) throw new InvalidInputError(file, problems);
}

/** Returns the passphrase; undefined when none is named, and for a file that cannot be read, which `check` reports. */
async function passphraseOf({ passphraseFile }: SshLogin, places: LoginPlaces): Promise<string | undefined> {
  if (passphraseFile === undefined) return undefined;
  try {
    return await readPasswordFile(locateFile(passphraseFile, places));
  } catch (error) {
    if (error instanceof CaissonError) return undefined;
    throw error;
  }
}

function describe(path: string, error: unknown): [reason: string, remedy?: string] {
  const errno = errnoOf(error instanceof CaissonError ? error.cause : error);
  if (errno === 'ENOENT') return [`there is no file "${path}"`, 'paths are relative to the directory of cluster.yaml'];
  if (!(error instanceof CaissonError)) return [`"${path}" cannot be read: ${errno ?? 'unknown reason'}`];
  const reason = error.message.replace(/^Cannot /, 'cannot ');
  return error.hint === undefined ? [reason] : [reason, error.hint];
}
