import { isAbsolute, posix } from 'node:path';
import * as z from 'zod';
import { CaissonError } from '../core/index.ts';
import { dateField, digestField, formatPath, parseBoundedJson, unsafeReason, byteCountField, textField } from '../io/index.ts';

/** Name of the first member of a backup: the document that lists all others. */
export const BACKUP_DOCUMENT = 'backup.json';

const pathField = z
  .string()
  .max(4096)
  .refine(
    (path) => isAbsolute(path) && unsafeReason(path.slice(1)) === undefined && posix.normalize(path) === path,
    'is not an absolute path without . and ..',
  );

const memberSchema = z.strictObject({
  /** Absolute path on the seed. The name of the member in the tar is this path without its first slash. */
  path: pathField,
  /**
   * `site`: a file of Caisson, which belongs to root. `cluster`: cluster.yaml, or a file that a run needs because of what
   * cluster.yaml says.
   */
  of: z.enum(['site', 'cluster']),
  size: byteCountField,
  /** Permissions, in octal. */
  mode: z.string().regex(/^0[0-7]{3}$/, 'is not a mode such as 0600'),
  /** Numbers of the user and the group. */
  owner: z.strictObject({ user: z.int().nonnegative(), group: z.int().nonnegative() }),
  digest: digestField,
});

/** Name of a component, a host or a file, as it stands in the name of a member. */
const partField = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/, 'is not a name');

const dataSchema = z.strictObject({
  component: partField,
  /** The host that the data were fetched from. */
  host: partField,
  /** Name of the file, as the backup action of the component declares it. */
  file: partField,
  size: byteCountField,
  digest: digestField,
});

/** backup.json. */
export const backupSchema = z.strictObject({
  apiVersion: z.literal('caisson/v1'),
  kind: z.literal('Backup'),
  site: z.strictObject({ id: textField, name: textField }),
  /** Name of the machine that was the seed. */
  seed: textField,
  /** Revision of the site record. */
  revision: z.int().nonnegative(),
  time: dateField,
  /** Bundle in force; absent when no run had succeeded. */
  bundle: z
    .strictObject({
      name: textField,
      version: textField,
      digest: digestField,
      /** Where the site is supplied online, with the digest of the lock. */
      supply: z.literal('online').optional(),
      lock: digestField.optional(),
    })
    .optional(),
  /** Absolute path of cluster.yaml. */
  cluster: pathField,
  /** Home directory for paths of cluster.yaml that begin with ~/. */
  home: pathField,
  members: z.array(memberSchema).max(100_000),
  /** Data of components. Their members follow those of the seed, in this order. */
  data: z.array(dataSchema).max(100_000).default([]),
});

export type BackupDocument = Readonly<z.output<typeof backupSchema>>;
export type BackupMember = Readonly<z.output<typeof memberSchema>>;

/** A file with data of a component, which its backup action wrote. */
export type BackupData = Readonly<z.output<typeof dataSchema>>;

/** Directory in the tar of the data of components. No file of a seed is below the directory of this name in its root. */
const DATA_DIRECTORY = 'data-of-components';

/** Name in the tar of the member with these data. */
export function dataName({ component, host, file }: Pick<BackupData, 'component' | 'host' | 'file'>): string {
  return `${DATA_DIRECTORY}/${component}/${host}/${file}`;
}

/** Name in the tar of the member with this absolute path. */
export function memberName(path: string): string {
  return path.slice(1);
}

/** Parses backup.json. Throws BACKUP_INVALID for a text that is none. */
export function parseBackupDocument(text: string, file: string): BackupDocument {
  let document: unknown;
  try {
    document = parseBoundedJson(text);
  } catch (cause) {
    throw notABackup(file, `its ${BACKUP_DOCUMENT} is not JSON`, cause);
  }
  const result = backupSchema.safeParse(document);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw notABackup(file, `its ${BACKUP_DOCUMENT} has a mistake: ${formatPath(issue?.path ?? [])}: ${issue?.message ?? ''}`.slice(0, 500));
}

/** The error for a file that no `caisson backup` wrote. */
export function notABackup(file: string, reason: string, cause?: unknown): CaissonError {
  return new CaissonError('BACKUP_INVALID', `Cannot use "${file}" as a backup: ${reason}`, {
    hint: 'Nothing was written. Name a file that "caisson backup" made',
    ...(cause === undefined ? {} : { cause }),
  });
}
