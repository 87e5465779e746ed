import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { parseRecipient, type Seal } from '../../backup/index.ts';
import { CaissonError, formatSize } from '../../core/index.ts';
import { readPasswordFile, readTextFile } from '../../io/index.ts';
import { backup, type BackupResult } from '../../usecases/index.ts';
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
    .option('--output <path>', 'the file, or a directory, where it is named after the site and the time')
    .option('--passphrase-file <file>', 'encrypt to the passphrase in the first line of this file (mode 0600)')
    .option('--recipient <file>', 'encrypt to the OpenPGP public key in this file; may be repeated', collect)
    .option('--keep <number>', 'backups of this site that stay in the directory; older ones are removed', parseKeep)
    .option('--cluster <file>', 'cluster.yaml (default: the file of the last run)')
    .option('--no-data', 'only what the seed alone has; no host is asked')
    .action((flags: Flags) => run((context) => writeBackup(flags, context)));
};

async function writeBackup(flags: Flags, context: CommandContext): Promise<void> {
  if (flags.output === undefined) {
    throw new CaissonError('USAGE', 'Cannot back up without --output', { hint: 'Add --output FILE, or --output DIRECTORY' });
  }
  const seal = await sealOf(flags);
  const result = await backup({
    output: resolve(flags.output),
    seal,
    keep: flags.keep,
    clusterPath: flags.cluster === undefined ? undefined : resolve(flags.cluster),
    home: context.env['HOME'] ?? homedir(),
    agentSocket: context.env['SSH_AUTH_SOCK'],
    withData: flags.data,
    clock: context.clock,
    emit: context.emit,
    signal: context.signal,
    ...(context.machines === undefined ? {} : { machines: context.machines }),
  });
  context.print({ text: describe(result), data: result });
}

async function sealOf({ passphraseFile, recipient = [] }: Flags): Promise<Seal> {
  if ((passphraseFile === undefined) === (recipient.length === 0)) {
    throw new CaissonError('USAGE', 'Cannot back up: say how the file is encrypted, with --passphrase-file or with --recipient', {
      hint: 'A passphrase: --passphrase-file FILE; OpenPGP keys: --recipient KEY.asc, once for each',
    });
  }
  if (passphraseFile !== undefined) return { passphrase: await readPasswordFile(passphraseFile) };
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
