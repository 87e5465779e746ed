import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import {
  packBackup,
  parseBackupDocument,
  sealBackup,
  type BackupData,
  type BackupDocument,
  type BackupFile,
  type OpenData,
  type Seal,
} from '../../backup/index.ts';
import { CaissonError, digestFromHex, errnoOf, messageOf, silent, type Clock, type Digest, type Emit } from '../../core/index.ts';
import { isThere, removeLeftovers, writeFileAtomic } from '../../io/index.ts';
import { openFileStore, REAL_MACHINES, type Machines, type RecordedBundle, type SiteRecord } from '../../site/index.ts';
import { backupNames } from './backup-names.ts';
import { missingKeys } from './backup-keys.ts';
import { NO_DATA, withWrittenData, type WrittenData } from './component-data.ts';
import { dataPlaces, type DataPlace } from './data-places.ts';
import { withDataSession } from './data-session.ts';
import { withInstallLock } from '../install-lock.ts';
import { readSeedFiles } from './seed-files.ts';
import { layoutOf } from '../session.ts';
import { clusterOf, siteUnknown } from '../site-sources.ts';

export interface BackupOptions {
  /** Absolute path of the file; of a directory, in which the file gets a name with the site and the time. */
  readonly output: string;
  readonly seal: Seal;
  /** Backups of this site that stay in the directory, this one included. Older ones with names by the pattern are removed. */
  readonly keep?: number | undefined;
  /** Absolute path of cluster.yaml. The file of the last run by default. */
  readonly clusterPath?: string | undefined;
  /** Home directory for paths of cluster.yaml that begin with ~/. */
  readonly home: string;
  /** Socket of an ssh agent, for logins on the hosts. */
  readonly agentSocket?: string | undefined;
  /** False for a backup of what the seed alone has, for which no host is asked. */
  readonly withData?: boolean;
  readonly clock: Clock;
  readonly emit?: Emit;
  readonly signal: AbortSignal;
  /** Replaced in tests by simulated machines. */
  readonly machines?: Machines;
}

export interface BackupResult {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
  readonly site: { readonly id: string; readonly name: string };
  readonly bundle: RecordedBundle | undefined;
  /** Absolute paths of all files in the backup. */
  readonly files: readonly string[];
  /** Data of components that are in the backup. */
  readonly data: readonly BackupData[];
  /** Data of components that are not in it: their components declare no backup action, or no data were asked for. */
  readonly notIncluded: readonly DataPlace[];
  /** Paths of older backups that were removed. */
  readonly removed: readonly string[];
}

/**
 * Writes a backup of everything that only the seed has, and of the data of components that declare a backup action. Leaves no
 * file when it fails. Throws SITE_UNKNOWN where there is no site, SITE_CONFLICT when keys of the site are lost, BACKUP_EXISTS,
 * BACKUP_WRITE_FAILED, INSTALL_LOCKED while a run is under way, and what readSeedFiles, sealBackup, withDataSession and
 * withWrittenData throw.
 */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  return withInstallLock(layoutOf(options), () => writeLocked(options));
}

/** Writes a backup as `backup` does. The caller holds the install lock. */
export async function writeLocked(options: BackupOptions): Promise<BackupResult> {
  const layout = layoutOf(options);
  const record = await openFileStore(layout.record).read();
  if (record === undefined) throw siteUnknown('what is to be backed up');
  const { path, directory } = await outputOf(options, record);
  const root = (options.machines ?? REAL_MACHINES).seedRoot;
  const clusterPath = options.clusterPath ?? clusterOf(record);
  const readFiles = async (): Promise<readonly BackupFile[]> => {
    const files = await readSeedFiles({ layout, root, clusterPath, home: options.home });
    refuseWithoutKeys(record, files);
    return files;
  };
  // A seed that cannot be backed up is refused before any host is asked.
  await readFiles();
  return withData(record, clusterPath, options, async (data) => {
    const files = await readFiles();
    const document = documentOf(record, { files, data: data.data }, clusterPath, options);
    const written = await writeBackup(path, document, { files, open: data.open }, options);
    return {
      path,
      ...written,
      site: document.site,
      bundle: record.bundle,
      files: files.map((file) => file.path),
      data: data.data,
      notIncluded: dataPlaces(record).filter(({ owner }) => !data.data.some(({ component }) => component === owner)),
      removed: directory === undefined || options.keep === undefined ? [] : await removeOlder(directory, record.name, options.keep),
    };
  });
}

/** Passes the data of components to `work`; none when they are not asked for, or when no run has ended well yet. */
async function withData<T>(
  record: SiteRecord,
  clusterPath: string,
  { home, agentSocket, withData: isAsked = true, clock, emit = silent, signal, machines }: BackupOptions,
  work: (data: WrittenData) => Promise<T>,
): Promise<T> {
  const { bundle } = record;
  if (!isAsked || bundle === undefined) return work(NO_DATA);
  const connect = { home, agentSocket };
  return withDataSession(record, bundle, { clusterPath, connect, clock, signal, machines }, (session) =>
    withWrittenData(session, { emit, signal }, work),
  );
}

async function outputOf({ output, keep, clock }: BackupOptions, { name }: SiteRecord) {
  const isDirectory = await stat(output).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory && keep !== undefined) {
    throw new CaissonError('USAGE', `Cannot use --keep: "${output}" is not a directory`, {
      hint: 'Older backups are known by the names that they get in a directory: --output DIRECTORY',
    });
  }
  const path = isDirectory ? join(output, backupNames(name).at(clock.now())) : output;
  if (await isThere(path)) {
    throw new CaissonError('BACKUP_EXISTS', `Cannot write "${path}": it is already there`, {
      hint: 'A backup replaces nothing. Choose another name, or a directory: the backup then gets a name with its time',
    });
  }
  return { path, directory: isDirectory ? output : undefined };
}

/** A backup without the keys would in time replace all older ones that have them. */
function refuseWithoutKeys(record: SiteRecord, files: readonly BackupFile[]): void {
  const missing = missingKeys(record, files);
  if (missing.length === 0) return;
  throw new CaissonError('SITE_CONFLICT', `Cannot back up site "${record.name}": this machine has lost ${missing.join(', ')}`, {
    hint: 'Put them back from an older backup: gpg --decrypt FILE | tar -C / -xf - var/lib/caisson/authorities var/lib/caisson/secrets',
  });
}

function documentOf(
  record: SiteRecord,
  { files, data }: { readonly files: readonly BackupFile[]; readonly data: readonly BackupData[] },
  cluster: string,
  { clock, home }: BackupOptions,
): BackupDocument {
  const document: BackupDocument = {
    apiVersion: 'caisson/v1',
    kind: 'Backup',
    site: { id: record.id, name: record.name },
    seed: record.seed,
    revision: record.revision,
    time: clock.now().toISOString(),
    ...(record.bundle === undefined ? {} : { bundle: named(record.bundle) }),
    cluster,
    home,
    members: files.map(({ content: _content, ...member }) => member),
    data: [...data],
  };
  // A document that restore would refuse is refused now.
  return parseBackupDocument(JSON.stringify(document), 'the files of this seed');
}

/** The bundle by its name. How it was accepted is in the record, a member of the backup. */
function named({ accepted: _accepted, ...bundle }: RecordedBundle): Omit<RecordedBundle, 'accepted'> {
  return bundle;
}

async function writeBackup(
  path: string,
  document: BackupDocument,
  { files, open }: { readonly files: readonly BackupFile[]; readonly open: OpenData },
  { seal, signal }: BackupOptions,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const sealed = await sealBackup(packBackup(document, files, open), seal);
  const hash = createHash('sha256');
  let size = 0;
  const measured = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of sealed) {
      signal.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  };
  try {
    await removeLeftovers(dirname(path), basename(path));
    await writeFileAtomic(path, measured(), { mode: 0o600 });
  } catch (cause) {
    if (signal.aborted || errnoOf(cause) === undefined) throw cause;
    throw new CaissonError('BACKUP_WRITE_FAILED', `Cannot write "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'The directory must exist, and have space. Nothing was left there',
    });
  }
  return { digest: digestFromHex(hash.digest('hex')), size };
}

/** Removes the older backups of a site from a directory, and the temporary files of killed ones. Resolves to their paths. */
async function removeOlder(directory: string, site: string, keep: number): Promise<readonly string[]> {
  const { isBackup } = backupNames(site);
  const entries = await readdir(directory);
  for (const entry of entries) {
    const target = /^\.(.+)\.[0-9a-f]{12}\.tmp$/.exec(entry)?.[1];
    if (target !== undefined && isBackup(target)) await removeLeftovers(directory, target);
  }
  // The names sort as their times do.
  const older = entries.filter(isBackup).sort().reverse().slice(keep);
  const paths = older.map((name) => join(directory, name));
  for (const path of paths) await rm(path, { force: true });
  return paths;
}
