import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKey } from 'openpgp';
import { parsePrivateKey, parseRecipient } from '../../src/backup/index.ts';
import type { BackupOptions, RestoreOptions } from '../../src/usecases/index.ts';
import type { SimulatedSite } from './simulated-site.ts';

export const PASSPHRASE = 'correct horse battery staple';

/** The options of a backup of a simulated site to FILE, encrypted to PASSPHRASE. */
export function backupOptions({ options }: SimulatedSite, file: string, changes: Partial<BackupOptions> = {}): BackupOptions {
  const { clock, signal, machines, connect } = options;
  return {
    output: file,
    seal: { passphrase: PASSPHRASE },
    home: connect.home,
    clock,
    signal,
    ...(machines === undefined ? {} : { machines }),
    ...changes,
  };
}

/** The options of a restore on the machine of a simulated site that runs the installer. */
export function restoreOptions({ options }: SimulatedSite, file: string, changes: Partial<RestoreOptions> = {}): RestoreOptions {
  const { clock, signal } = options;
  return {
    file,
    opener: { passphrase: PASSPHRASE },
    clock,
    signal,
    ...(options.machines === undefined ? {} : { machines: options.machines }),
    ...changes,
  };
}

/** All files below a directory, by their paths from there, with modes and bytes. */
export async function treeOf(root: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const described = files.sort().map(async (path): Promise<[string, string]> => {
    const mode = ((await stat(path)).mode & 0o777).toString(8);
    return [path.slice(root.length + 1), `${mode} ${(await readFile(path)).toString('base64')}`];
  });
  return new Map(await Promise.all(described));
}

/** A pair of OpenPGP keys, as what a backup is encrypted to and as what opens it. */
export async function keyPair(): Promise<{
  readonly publicKey: string;
  readonly privateKey: string;
  readonly seal: BackupOptions['seal'];
  readonly opener: RestoreOptions['opener'];
}> {
  const { publicKey, privateKey } = await generateKey({ userIDs: [{ name: 'operator' }], format: 'armored' });
  return {
    publicKey,
    privateKey,
    seal: { recipients: [await parseRecipient(publicKey, 'operator.asc')] },
    opener: { key: await parsePrivateKey(privateKey, undefined, 'operator.key') },
  };
}
