import type { Command } from 'commander';
import { parsePrivateKey, type Opener } from '../../backup/index.ts';
import { CaissonError } from '../../core/index.ts';
import { readPasswordFile, readSecretFile } from '../../io/index.ts';
import type { RestoredFile } from '../../usecases/index.ts';

/** Flags that say what opens a backup. */
export interface OpenerFlags {
  readonly passphraseFile?: string;
  readonly key?: string;
  readonly keyPassphraseFile?: string;
}

/** Adds the flags that say what opens a backup. */
export function addOpenerFlags(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'the passphrase is the first line of this file (mode 0600)')
    .option('--key <file>', 'decrypt with the OpenPGP private key in this file (mode 0600)')
    .option('--key-passphrase-file <file>', 'the passphrase of that key is the first line of this file (mode 0600)');
}

/** Reads what opens a backup. Throws USAGE unless the flags name one thing, and as the readers of secret files do. */
export async function openerOf({ passphraseFile, key, keyPassphraseFile }: OpenerFlags, verb: string): Promise<Opener> {
  if ((passphraseFile === undefined) === (key === undefined)) {
    throw new CaissonError('USAGE', `Cannot ${verb}: say what opens the file, with --passphrase-file or with --key`, {
      hint: 'A passphrase: --passphrase-file FILE; an OpenPGP key: --key PRIVATE.asc, and --key-passphrase-file FILE where it has one',
    });
  }
  if (passphraseFile !== undefined) return { passphrase: await readPasswordFile(passphraseFile) };
  const file = key ?? '';
  const passphrase = keyPassphraseFile === undefined ? undefined : await readPasswordFile(keyPassphraseFile);
  return { key: await parsePrivateKey(await readSecretFile(file), passphrase, file) };
}

const SIGNS = { add: '+', change: '~', beside: '+', keep: ' ', refused: '!' } as const;

/** Files that are not yet as they should be. */
export function writtenFiles(files: readonly RestoredFile[]): readonly RestoredFile[] {
  return files.filter(({ action }) => action !== 'keep');
}

/** One line for each file that is written. */
export function fileLines(files: readonly RestoredFile[]): readonly string[] {
  return writtenFiles(files).map(lineOf);
}

function lineOf({ action, path, mode }: RestoredFile): string {
  const why = action === 'beside' ? ': the file there has other content and stays' : '';
  return `${SIGNS[action]} ${path} (0${mode.toString(8).padStart(3, '0')})${why}`;
}
