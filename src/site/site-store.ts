import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CaissonError, errnoOf, messageOf } from '../core/index.ts';
import { formatPath, parseBoundedJson, writeFileAtomic } from '../io/index.ts';
import { siteRecordSchema, type SiteRecord } from './record.ts';

/** Storage of the site record: a file on the seed. */
export interface SiteStore {
  /**
   * Resolves to the record, or to undefined when there is none. Throws SITE_RECORD_INVALID when the file is damaged, and
   * INPUT_UNREADABLE when it cannot be read.
   */
  read(): Promise<SiteRecord | undefined>;
  /**
   * Replaces the record that has `expectedRevision` (undefined: there is no record yet). Resolves to the record with its
   * new revision once it is on disk. Throws SITE_RECORD_CHANGED when the stored record has another revision.
   */
  write(record: SiteRecord, expectedRevision: number | undefined): Promise<SiteRecord>;
  /** Removes the record, after the last resource of the site was removed. */
  remove(): Promise<void>;
}

export function openFileStore(path: string): SiteStore {
  const read = async (): Promise<SiteRecord | undefined> => {
    const text = await readText(path);
    return text === undefined ? undefined : parseSiteRecord(text, path);
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
      await writeFileAtomic(path, formatSiteRecord(next), { mode: 0o600 });
      return next;
    },
    remove: () => rm(path, { force: true }),
  };
}

export function formatSiteRecord(record: SiteRecord): string {
  return `${JSON.stringify(siteRecordSchema.parse(record), null, 1)}\n`;
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

/** Most problems of a damaged record that the error lists, and most characters of each. */
const SHOWN_PROBLEMS = 5;
const SHOWN_LENGTH = 300;

/** Parses a site record. Throws SITE_RECORD_INVALID, which names `path`. */
export function parseSiteRecord(text: string, path: string): SiteRecord {
  const hint = `Move it away, and restore a backup: caisson restore FILE. Without one, the record is then made again from what the hosts keep`;
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
