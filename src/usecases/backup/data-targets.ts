import { posix } from 'node:path';
import { readBackup, type BackupData, type BackupDocument, type Opener } from '../../backup/index.ts';
import { scopeFor, type Placement, type Topology } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import { suggestName } from '../../io/index.ts';
import { renderData } from '../../manifests/index.ts';
import { DATA_PLACE, SiteConflictError, type RecordedBundle, type SiteRecord } from '../../site/index.ts';
import { filledDirectories } from '../filled-directories.ts';
import { backupSource } from './backup-source.ts';
import type { DataSession, DataSite } from './data-session.ts';

/** A data directory of a component, as its manifest wants it. */
export interface DataDirectory {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
}

/** One component on one host, whose data are put back. */
export interface DataTarget {
  readonly placement: Placement;
  /** Data of the backup that go to this host. */
  readonly data: readonly BackupData[];
  readonly directories: readonly DataDirectory[];
  /** Paths of directories that are not empty. */
  readonly filled: readonly string[];
}

export interface RestoreDataPlan {
  readonly document: BackupDocument;
  readonly targets: readonly DataTarget[];
  /** Placements that are stopped meanwhile, because they need a component that is restored; in the order in which they start again. */
  readonly dependents: readonly Placement[];
  /** Data of the backup that are put back nowhere. */
  readonly left: readonly BackupData[];
  /** The bundle in force. */
  readonly bundle: RecordedBundle;
  /** Ending of the names that data from before get. */
  readonly aside: string;
}

/** The directory on a host of the files of the backup, until the data of the component are put back. */
export function restorePlace({ component }: Placement): string {
  return posix.join(DATA_PLACE, 'restore', component.name);
}

/** Reads backup.json, and all of the backup with it. Throws SiteConflictError for one of another site, USAGE for one without data. */
export async function readDataDocument(file: string, opener: Opener, record: SiteRecord): Promise<BackupDocument> {
  const { document } = await readBackup(await backupSource(file), opener, file);
  if (document.site.id !== record.id) {
    const problem = `it is a backup of site "${document.site.name}" (${document.site.id}), and this is the seed of "${record.name}" (${record.id})`;
    const remedy = 'Take a backup of this site, or restore the seed from this one first: caisson restore FILE';
    throw new SiteConflictError([{ where: file, problem, remedy }], 'restore data here');
  }
  if (document.data.length === 0) {
    throw new CaissonError('USAGE', `Cannot restore data from "${file}": it has no data of components`, {
      hint: 'It was made with --no-data, or no component of the platform declares a backup action',
    });
  }
  return document;
}

/** The components to restore: those that were named, or all of the backup. Throws USAGE for a name without data. */
export function chosenComponents({ data }: BackupDocument, named: readonly string[]): ReadonlySet<string> {
  const known = new Set(data.map(({ component }) => component));
  for (const name of named) {
    if (known.has(name)) continue;
    throw new CaissonError('USAGE', `Cannot restore data of "${name}": the backup has none`, {
      hint: [suggestName(name, known), `It has data of: ${[...known].join(', ')}`].filter((part) => part !== undefined).join('. '),
    });
  }
  return named.length === 0 ? known : new Set(named);
}

/** Placements whose data are put back, with the data for each. A component of placement every gets the data of the same host. */
export function targetsOf(
  { topology, running }: DataSession,
  data: readonly BackupData[],
): { readonly targets: readonly Pick<DataTarget, 'placement' | 'data'>[]; readonly left: readonly BackupData[] } {
  const goesTo = (one: BackupData): readonly Placement[] =>
    running.filter(
      ({ component, host }) => component.name === one.component && (component.placement !== 'every' || host.name === one.host),
    );
  const readable = data.filter((one) => readsFile(topology, one));
  const left = data.filter((one) => !readable.includes(one) || goesTo(one).length === 0);
  const targets = running.flatMap((placement) => {
    const own = readable.filter((one) => goesTo(one).includes(placement));
    return own.length === 0 ? [] : [{ placement, data: own }];
  });
  return { targets, left };
}

function readsFile({ manifests }: Topology, { component, file }: BackupData): boolean {
  return manifests.components.get(component)?.actions.some((action) => action.at === 'restore' && action.file === file) === true;
}

/** Looks at the data directories of a target. Changes nothing. */
export async function lookAtTarget(
  target: Pick<DataTarget, 'placement' | 'data'>,
  { record, site, signal }: { readonly record: SiteRecord; readonly site: DataSite; readonly signal: AbortSignal },
): Promise<DataTarget> {
  const directories = dataDirectories(record, site, target.placement);
  const paths = directories.map(({ path }) => path);
  return { ...target, directories, filled: await filledDirectories(site.hostOf(target.placement.host.name), paths, signal) };
}

/** Data directories of a component on a host: those of its manifest that the record has as data. */
function dataDirectories({ hosts }: SiteRecord, { declared }: DataSite, { component, host }: Placement): readonly DataDirectory[] {
  const owned = (hosts[host.name]?.owned ?? []).filter(({ owner, data }) => owner === component.name && data === true);
  const scope = scopeFor(declared.topology, host, { component: component.name });
  const rendered = renderData(component.directories, scope, `directories of ${component.name}`);
  return rendered.filter(({ path }) => owned.some(({ key }) => key === path));
}
