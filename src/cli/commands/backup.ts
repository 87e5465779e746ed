import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { parseRecipient, type Seal } from '../../backup/index.ts';
import { CaissonError, formatSize } from '../../core/index.ts';
import { readPasswordFile, readTextFile } from '../../io/index.ts';
import { backup, declaredBackup, notedRun, type BackupOptions, type BackupResult, type DeclaredBackup } from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';

interface Flags {
  readonly output?: string;
  readonly passphraseFile?: string;
  readonly recipient?: readonly string[];
  readonly keep?: number;
  readonly cluster?: string;
  readonly data: boolean;
}

/** `caisson backup`: one encrypted file of what the seed alone has, and of the data of components. Runs on the seed. */
export const registerBackup: RegisterCommand = (program, run) => {
  program
    .command('backup')
    .description('write what this seed alone has, its record, keys and secrets, and data of components into one encrypted file')
    .option(
      '--output <path>',
      'the file, or a directory, where it is named after the site and the time (default: backup.directory of cluster.yaml)',
    )
    .option('--passphrase-file <file>', 'encrypt to the passphrase in the first line of this file (mode 0600)')
    .option('--recipient <file>', 'encrypt to the OpenPGP public key in this file; may be repeated (default: backup.recipients)', collect)
    .option(
      '--keep <number>',
      'backups of this site that stay in the directory; older ones are removed (default in backup.directory: backup.keep)',
      parseKeep,
    )
    .option('--cluster <file>', 'cluster.yaml (default: the file of the last run)')
    .option('--no-data', 'only what the seed alone has; no host is asked')
    .action((flags: Flags) => run((context) => writeBackup(flags, context)));
};

async function writeBackup(flags: Flags, context: CommandContext): Promise<void> {
  const clusterPath = flags.cluster === undefined ? undefined : resolve(flags.cluster);
  const home = context.env['HOME'] ?? homedir();
  const machines = context.machines === undefined ? {} : { machines: context.machines };
  const { clock, emit, signal } = context;
  const make = async (): Promise<BackupResult> =>
    backup({
      ...(await placeOf(flags, () => declaredBackup({ clusterPath, home, ...machines }))),
      clusterPath,
      home,
      agentSocket: context.env['SSH_AUTH_SOCK'],
      withData: flags.data,
      clock,
      emit,
      signal,
      ...machines,
    });
  // A backup in another place is none of those that cluster.yaml asks for.
  const result = await (flags.output === undefined
    ? notedRun('backup', { clock, emit, ...machines }, make, ({ path }) => ({ path }))
    : make());
  context.print({ text: describe(result), data: result });
}

/** Place and keys by the flags. The backup section of cluster.yaml has those that the flags leave out, and is read only then. */
async function placeOf(
  flags: Flags,
  readDeclared: () => Promise<DeclaredBackup | undefined>,
): Promise<Pick<BackupOptions, 'output' | 'seal' | 'keep'>> {
  const seal = await sealOf(flags);
  if (flags.output !== undefined && seal !== undefined) return { output: resolve(flags.output), seal, keep: flags.keep };
  const declared = await readDeclared();
  if (declared === undefined) {
    throw new CaissonError('USAGE', `Cannot back up: ${flags.output === undefined ? 'say where to' : 'say how the file is encrypted'}`, {
      hint: 'Add --output FILE or DIRECTORY, and --recipient KEY.asc or --passphrase-file FILE; or a backup section to cluster.yaml',
    });
  }
  if (flags.output !== undefined) return { output: resolve(flags.output), seal: declared.seal, keep: flags.keep };
  return { output: declared.output, seal: seal ?? declared.seal, keep: flags.keep ?? declared.keep };
}

/** Undefined when the flags name no key. */
async function sealOf({ passphraseFile, recipient = [] }: Flags): Promise<Seal | undefined> {
  if (passphraseFile !== undefined && recipient.length > 0) {
    throw new CaissonError('USAGE', 'Cannot back up: a file is encrypted to a passphrase or to recipients, not to both', {
      hint: 'A passphrase: --passphrase-file FILE; OpenPGP keys: --recipient KEY.asc, once for each',
    });
  }
  if (passphraseFile !== undefined) return { passphrase: await readPasswordFile(passphraseFile) };
  if (recipient.length === 0) return undefined;
  return { recipients: await Promise.all(recipient.map(async (file) => parseRecipient(await readTextFile(file), file))) };
}

function parseKeep(text: string): number {
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a number from 1 to 9999.');
}

function describe({ path, digest, size, site, bundle, files, data, notIncluded, removed }: BackupResult): string {
  const of = bundle === undefined ? '' : `, with bundle ${bundle.name} ${bundle.version} in force`;
  return [
    `Backed up site "${site.name}"${of}: ${files.length} files in ${path} (${formatSize(size)})`,
    digest,
    ...removed.map((older) => `Removed ${older}`),
    'The bundle is not in it: keep its file, too',
    ...(data.length === 0 ? [] : ['Data of components in it:']),
    ...data.map((one) => `  ${one.host}: ${one.component} (${one.file}, ${formatSize(one.size)})`),
    ...(notIncluded.length === 0
      ? []
      : ['Data of components that are not in it; they are on their hosts, and backing them up is up to you:']),
    ...notIncluded.map(({ host, path: place, owner }) => `  ${host}: ${place} (${owner})`),
  ].join('\n');
}
