import { posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { BackupFile } from '../../backup/index.ts';
import { CaissonError } from '../../core/index.ts';
import { ifPresent, readTextFile } from '../../io/index.ts';
import {
  compareSeeds,
  foreignHosts,
  HOST_RECORD,
  openFileStore,
  otherSeeds,
  parseHostRecord,
  replacedAuthorities,
  type FoundHost,
  type SeedLayout,
  type SiteConflict,
  type SiteRecord,
} from '../../site/index.ts';
import { authoritiesIn } from './backup-keys.ts';
import type { RestoredFile } from './restored-files.ts';

/**
 * The record that this machine has before a restore. A record that cannot be understood is a conflict, which has precedence over
 * every other.
 */
export type PresentRecord =
  { readonly record: SiteRecord | undefined; readonly conflict?: never } | { readonly record?: never; readonly conflict: SiteConflict };

/**
 * Lists every reason why this machine must not get these files. `record` is the record to write, `before` that of the backup,
 * `present` that of this machine.
 */
export async function restoreConflicts(
  { record, before, present }: { readonly record: SiteRecord; readonly before: SiteRecord; readonly present: PresentRecord },
  files: readonly RestoredFile[],
  { root, layout }: { readonly root: string; readonly layout: SeedLayout },
): Promise<readonly SiteConflict[]> {
  if (present.conflict !== undefined) return [present.conflict];
  return [
    ...otherRecord(present.record, { record, before }, layout),
    ...(await asHost(record, root)),
    ...files.filter(({ action }) => action === 'refused').map(foreignKey),
  ];
}

/** Reads the record that this machine has. Throws when it cannot be read, but not when it cannot be understood. */
export async function readPresentRecord({ record: path }: SeedLayout): Promise<PresentRecord> {
  try {
    return { record: await openFileStore(path).read() };
  } catch (error) {
    if (!(error instanceof CaissonError) || error.code !== 'SITE_RECORD_INVALID') throw error;
    return {
      conflict: {
        where: path,
        problem: 'it cannot be understood, so nobody can tell whose it is',
        remedy: `Move it away: mv ${path} ${path}.damaged`,
      },
    };
  }
}

function otherRecord(
  present: SiteRecord | undefined,
  { record, before }: { readonly record: SiteRecord; readonly before: SiteRecord },
  { record: where }: SeedLayout,
): readonly SiteConflict[] {
  if (present === undefined || isDeepStrictEqual(present, record)) return [];
  if (present.id !== before.id) {
    return [
      {
        where,
        problem: `this machine is the seed of another site, "${present.name}" (${present.id})`,
        remedy: 'Use another machine; where that site is to go, remove it first: caisson reset',
      },
    ];
  }
  // After a change of the seed, revisions of the record before are of no account.
  const order = compareSeeds(present, before) || present.revision - before.revision;
  if (order <= 0) return [];
  return [
    {
      where,
      problem: `it has revision ${present.revision}, and the backup has ${before.revision}: changes to the site since then would be forgotten`,
      remedy: `Use a later backup. Single files come out with: gpg --decrypt FILE | tar -C / -xf - NAME. To go back nevertheless: mv ${where} ${where}.newer`,
    },
  ];
}

/** Conflicts with the record that this machine keeps as a host of a site. */
async function asHost(record: SiteRecord, root: string): Promise<readonly SiteConflict[]> {
  const host = await thisHost(root);
  return [...foreignHosts(record, host), ...otherSeeds(record, host)];
}

/**
 * Names the authorities that were rotated since the backup was made, as far as the record tells that this machine keeps as a
 * host. `files` are those of the backup.
 */
export async function rotatedSince(record: SiteRecord, files: readonly BackupFile[], root: string): Promise<readonly string[]> {
  const host = await thisHost(root);
  const held = authoritiesIn(files);
  return Object.keys(record.authorities).filter((name) => {
    const only = { ...record, authorities: { [name]: record.authorities[name] ?? '' } };
    return replacedAuthorities(only, host, { held }).length > 0;
  });
}

async function thisHost(root: string): Promise<readonly FoundHost[]> {
  const text = await ifPresent(() => readTextFile(posix.join(root, HOST_RECORD)));
  const found = text === undefined ? undefined : parseHostRecord(text);
  return found === undefined ? [] : [{ name: 'this machine', record: found, hasAgent: true }];
}

function foreignKey({ path }: RestoredFile): SiteConflict {
  return {
    where: path,
    problem: 'it is there, and differs from the one in the backup; keys and secrets are never replaced',
    remedy: `Where it is damaged, or of a site that is gone, move it away: mv ${path} ${path}.before`,
  };
}
