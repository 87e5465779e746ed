import { chmod, chown, mkdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BackupFile } from '../../backup/index.ts';
import { CaissonError, errnoOf, messageOf } from '../../core/index.ts';
import { removeLeftovers, syncDirectory, writeFileAtomic } from '../../io/index.ts';
import { formatSiteRecord, seedLayout, type SeedLayout, type SiteRecord } from '../../site/index.ts';

/**
 * Action of a restore on one file. `add` and `change`: it is written. `beside`: a file with other content is there and stays,
 * and that of the backup is written next to it. `keep`: it is there as it should be. `refused`: it must not be replaced.
 */
export interface RestoredFile {
  readonly action: 'add' | 'change' | 'beside' | 'keep' | 'refused';
  /** Where the bytes are written. */
  readonly path: string;
  readonly mode: number;
  /** Numbers of user and group. Files of the site belong to the user of this process, who is root. */
  readonly owner: { readonly user: number; readonly group: number } | undefined;
  readonly content: Buffer;
  /** Mode of a directory above it that is missing. */
  readonly directoryMode: (directory: string) => number;
}

const LAYOUT = seedLayout();
/** Ending of the name of a file that is written next to one that stays. */
const BESIDE = '.from-backup';

export interface FilesPlace {
  readonly root: string;
  readonly layout: SeedLayout;
  /** The record to write. */
  readonly record: SiteRecord;
}

/**
 * Compares the files of a backup with those of this machine. The authorities come last but one, the site record last: a run
 * makes a lost record again where it finds all authorities, and then makes secrets that it does not find.
 */
export async function planFiles(files: readonly BackupFile[], { root, layout, record }: FilesPlace): Promise<readonly RestoredFile[]> {
  const planned: RestoredFile[] = [];
  for (const file of files) if (file.path !== LAYOUT.record) planned.push(await planFile(file, root));
  const text = Buffer.from(formatSiteRecord(record));
  const own = { path: layout.record, content: text, mode: 0o600, owner: undefined, directoryMode: siteMode(root) };
  const found = await compare(own);
  const isLate = ({ path }: RestoredFile): boolean => dirname(path) === layout.authorities;
  const early = planned.filter((file) => !isLate(file));
  return [...early, ...planned.filter(isLate), { ...own, action: found === 'other' ? 'change' : found }];
}

/**
 * Writes the files in their order, each at once and on disk before the next. Throws BACKUP_WRITE_FAILED, and the reason of the
 * signal when it aborts.
 */
export async function writeFiles(files: readonly RestoredFile[], signal: AbortSignal): Promise<void> {
  // This run holds the install lock, so temporary files there were left by one that was killed.
  const names = new Map<string, string[]>();
  for (const { path } of files) names.set(dirname(path), [...(names.get(dirname(path)) ?? []), basename(path)]);
  for (const [directory, own] of names) await removeLeftovers(directory, ...own);
  for (const file of files) {
    signal.throwIfAborted();
    if (file.action === 'keep') continue;
    try {
      await makeDirectories(dirname(file.path), file);
      await writeFileAtomic(file.path, file.content, { mode: file.mode, ...(file.owner === undefined ? {} : { owner: file.owner }) });
    } catch (cause) {
      if (errnoOf(cause) === undefined) throw cause;
      throw new CaissonError('BACKUP_WRITE_FAILED', `Cannot restore "${file.path}": ${messageOf(cause)}`, {
        cause,
        hint: 'Run this as root, where there is space; then run the same command again',
      });
    }
  }
}

async function planFile({ path, of, mode, owner, content }: BackupFile, root: string): Promise<RestoredFile> {
  const isSite = of === 'site';
  const planned = {
    path: isSite ? join(root, path) : path,
    mode: Number.parseInt(mode, 8),
    owner: isSite ? undefined : owner,
    content,
    directoryMode: isSite ? siteMode(root) : () => 0o700,
  };
  const found = await compare(planned);
  if (found !== 'other') return { ...planned, action: found };
  if (isSite && isKey(path)) return { ...planned, action: 'refused' };
  if (isSite && path !== LAYOUT.journal) return { ...planned, action: 'change' };
  const beside = { ...planned, path: `${planned.path}${BESIDE}` };
  return { ...beside, action: (await compare(beside)) === 'keep' ? 'keep' : 'beside' };
}

/** Directories of keys and secrets are closed to all but root. */
function siteMode(root: string): RestoredFile['directoryMode'] {
  const closed = [LAYOUT.authorities, LAYOUT.secrets, LAYOUT.certificates].map((directory) => join(root, directory));
  return (directory) => (closed.some((one) => directory === one || directory.startsWith(`${one}/`)) ? 0o700 : 0o755);
}

/** True for what nothing can make again. */
function isKey(path: string): boolean {
  return [LAYOUT.authorities, LAYOUT.secrets].some((directory) => path.startsWith(`${directory}/`));
}

/** `other`: a file with other content is there. `change`: the content is the same and the mode is not. */
async function compare({
  path,
  content,
  mode,
}: Pick<RestoredFile, 'path' | 'content' | 'mode'>): Promise<'add' | 'change' | 'other' | 'keep'> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw notAFile(path);
    if (!content.equals(await readFile(path))) return 'other';
    return (found.mode & 0o777) === mode ? 'keep' : 'change';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'add';
    throw error;
  }
}

function notAFile(path: string): CaissonError {
  return new CaissonError('BACKUP_WRITE_FAILED', `Cannot restore "${path}": something else than a file is there`, {
    hint: `Move it away: mv ${path} ${path}.before`,
  });
}

/** Makes the directories that are missing above a file, with its owner. Those that are there stay as they are. */
async function makeDirectories(directory: string, file: Pick<RestoredFile, 'directoryMode' | 'owner'>): Promise<void> {
  if (await isPresent(directory)) return;
  const parent = dirname(directory);
  if (parent !== directory) await makeDirectories(parent, file);
  await mkdir(directory, { mode: file.directoryMode(directory) });
  // The umask takes from the mode of mkdir.
  await chmod(directory, file.directoryMode(directory));
  const { uid, gid } = await stat(directory);
  const { owner } = file;
  if (owner !== undefined && (uid !== owner.user || gid !== owner.group)) await chown(directory, owner.user, owner.group);
  await syncDirectory(parent);
}

async function isPresent(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
