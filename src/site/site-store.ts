import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { formatPath, parseBoundedJson, writeFileAtomic } from '../io/index.ts';
import { siteRecordSchema, type SiteRecord } from './record.ts';

/** Where the record of a site is kept: a file on the seed. */
export interface SiteStore {
  /** The record, or undefined where no site is. Throws SITE_RECORD_INVALID for one that cannot be understood. */
  read(): Promise<SiteRecord | undefined>;
  /**
   * Writes a record in place of the one with `expectedRevision` (undefined: there is none yet), and returns it with its new
   * revision. It is on disk when it returns. Throws SITE_RECORD_CHANGED when another revision is there.
   */
  write(record: SiteRecord, expectedRevision: number | undefined): Promise<SiteRecord>;
  /** Removes the record of a site of which nothing is left. */
  remove(): Promise<void>;
}

export function openFileStore(path: string): SiteStore {
  const read = async (): Promise<SiteRecord | undefined> => {
    const text = await readText(path);
    return text === undefined ? undefined : parseRecord(text, path);
  };
  return {
    read,
    write: async (record, expectedRevision) => {
      const found = await read();
      if (found?.revision !== expectedRevision) {
        throw new CaissonError(
          'SITE_RECORD_CHANGED',
          `Cannot write the site record "${path}": it has revision ${found?.revision ?? 'none'}, want ${expectedRevision ?? 'none'}`,
          { hint: 'Another run wrote it; run the same command again' },
        );
      }
      const next: SiteRecord = { ...record, revision: (expectedRevision ?? 0) + 1 };
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      await writeFileAtomic(path, `${JSON.stringify(siteRecordSchema.parse(next), null, 1)}\n`, { mode: 0o600 });
      return next;
    },
    remove: () => rm(path, { force: true }),
  };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read the site record "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Run this as root on the seed, the machine that the cluster was installed from',
    });
  }
}

/** Mistakes of a damaged record that the error names, and characters of each. */
const SHOWN_PROBLEMS = 5;
const SHOWN_LENGTH = 300;

function parseRecord(text: string, path: string): SiteRecord {
  const hint = `Put back a copy from a backup. Without one, move it away: the record is then made again from what the hosts keep`;
  let document: unknown;
  try {
    document = parseBoundedJson(text);
  } catch (cause) {
    throw new CaissonError('SITE_RECORD_INVALID', `Cannot use the site record "${path}": ${messageOf(cause)}`, { cause, hint });
  }
  const result = siteRecordSchema.safeParse(document);
  if (result.success) return result.data;
  const problems = result.error.issues
    .slice(0, SHOWN_PROBLEMS)
    .map(({ path: place, message }) => `${formatPath(place)}: ${message}`.slice(0, SHOWN_LENGTH));
  throw new CaissonError('SITE_RECORD_INVALID', `Cannot use the site record "${path}": ${problems.join(', ')}`, { hint });
}
