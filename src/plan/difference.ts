import { ABSENT, detailsOf, filesOf, MARKED, OWNERS, resourceId, RESTORING, type Found, type Resource } from '../resources/index.ts';
import type { OwnedResource, SiteRecord } from '../site/index.ts';
import { isMaking, type Change, type Removal, type Staying } from './change.ts';

export interface DifferenceOptions {
  /** True when data of owners that go are removed, too. */
  readonly purge?: boolean;
}

/**
 * Compares the wanted resources with those found on the hosts and those in the record. Returns one change for each
 * wanted resource and for each recorded one that is not wanted any more; of a file that stands at the path of a wanted resource of
 * another name, none. Pure.
 */
export function difference(
  wanted: readonly Resource[],
  found: ReadonlyMap<Resource, Found>,
  record: SiteRecord | undefined,
  options: DifferenceOptions = {},
): readonly Change[] {
  const owned = new Map(
    Object.entries(record?.hosts ?? {}).map(([host, recorded]) => [host, new Map(recorded.owned.map((one) => [resourceId(one), one]))]),
  );
  const wantedIds = new Set(wanted.map((resource) => `${resource.host} ${resourceId(resource)}`));
  const unwanted = [...owned].flatMap(([host, things]) =>
    [...things.values()].flatMap((one) => (wantedIds.has(`${host} ${resourceId(one)}`) ? [] : [{ host, one }])),
  );
  const byPath = new Map(unwanted.flatMap(({ host, one }) => placedPaths(one).map((path) => [`${host} ${path}`, one])));
  const knownAs = (resource: Resource): OwnedResource | undefined => owned.get(resource.host)?.get(resourceId(resource));
  const makings = wanted.map((resource) =>
    changeOf(resource, found.get(resource) ?? ABSENT, knownAs(resource) ?? ownWithPath(writtenPaths(resource), byPath)),
  );
  const written = new Set(wanted.flatMap(writtenPaths));
  const removals = unwanted.flatMap(({ host, one }) => withoutWritten(removalOf(host, one, options), written));
  const superseded = wanted.flatMap((resource) => [
    ...supersededImage(resource, knownAs(resource)),
    ...supersededFiles(resource, knownAs(resource), written),
  ]);
  return [...withDependentUnits(makings), ...withDirectoriesAbove(removals), ...superseded];
}

/** Keeps directories in which data stay on the record, so that a later run which purges the data removes these directories, too. */
function withDirectoriesAbove(removals: readonly (Removal | Staying)[]): readonly (Removal | Staying)[] {
  const staying = removals.filter((one) => one.action === 'keep' || one.end === 'kept');
  return removals.map((one) => {
    if (one.action === 'keep' || one.end !== 'gone' || one.owned.kind !== 'directory') return one;
    const isAbove = staying.some(({ host, owned }) => host === one.host && owned.key.startsWith(`${one.owned.key}/`));
    return isAbove ? { ...one, end: 'kept', reason: 'it has data below it' } : one;
  });
}

/** Turns `keep` into `change` for each unit that reads a file which this run writes: the unit restarts or reloads. */
function withDependentUnits(changes: readonly Change[]): readonly Change[] {
  const written = new Set(changes.flatMap((change) => (isMaking(change) ? writtenPaths(change.resource) : [])));
  return changes.map((change): Change => {
    if (change.action !== 'keep' || change.resource?.kind !== 'unit' || change.owned === undefined) return change;
    const { host, spec } = change.resource;
    const changed = (paths: readonly string[]): string | undefined => paths.find((path) => written.has(`${host} ${path}`));
    const restart = changed(spec.restartOn);
    const reload = changed(spec.reloadOn);
    if (restart === undefined && reload === undefined) return change;
    const reason = restart === undefined ? `${reload ?? ''} changes, which a reload takes` : `${restart} changes`;
    return {
      action: 'change',
      resource: change.resource,
      reason,
      replaces: false,
      owned: change.owned,
      ...(restart === undefined ? { isReload: true } : {}),
    };
  });
}

/** Paths that the resource writes, each as HOST PATH. */
function writtenPaths(resource: Resource): readonly string[] {
  const paths =
    resource.kind === 'certificate' || resource.kind === 'keypair'
      ? resource.spec.files.map(({ path }) => path)
      : PLACED.has(resource.kind)
        ? [resource.key]
        : [];
  return paths.map((path) => `${resource.host} ${path}`);
}

function changeOf(resource: Resource, found: Found, known: OwnedResource | undefined): Change {
  const isAbove = resource.kind === 'directory' && resource.spec.isParent === true;
  if (found.state === 'same') {
    if (known !== undefined) return { action: 'keep', resource, owned: ownedBy(resource, known.before) };
    const before = isOurs(resource) ? undefined : 'same';
    return { action: 'keep', resource, owned: isAbove ? undefined : ownedBy(resource, before) };
  }
  if (found.state === 'absent') {
    const reason = known === undefined || known.kept === true ? 'it is not there yet' : 'the record has it, the host does not';
    return {
      action: 'add',
      resource,
      reason,
      replaces: known?.before === 'other',
      owned: ownedBy(resource, known?.before),
      ...(found.isStopped === true ? { isStopped: true } : {}),
    };
  }
  const before = known === undefined ? foundBefore(resource) : known.before;
  const source = known === undefined ? 'what was there before is another' : sourceOf(resource, known);
  return {
    action: 'change',
    resource,
    reason: resource.kind === 'unit' || known?.digest === undefined ? found.why : `${found.why}; ${source}`,
    replaces: before === 'other',
    owned: ownedBy(resource, before),
    ...(found.byReload === true ? { isReload: true } : {}),
    ...(found.isStopped === true ? { isStopped: true } : {}),
  };
}

/** Reason why a resource differs from the recorded one. Content that is still to be made, such as a certificate, has no digest. */
function sourceOf({ digest }: Resource, known: OwnedResource): string {
  if (digest === undefined) return 'it is made anew';
  return digest === known.digest ? 'it was changed on the host' : 'it is declared otherwise now';
}

/** The state before Caisson of a resource that is not in the record and differs from the wanted one. */
function foundBefore(resource: Resource): OwnedResource['before'] {
  if (isOurs(resource)) return undefined;
  return RESTORING.has(resource.kind) ? 'other' : 'same';
}

/**
 * True for a resource that is ours wherever it is found, also when no record has it: it bears our mark, or it is a file or certificate of
 * the seed, which a restore or an adoption wrote on this machine before the run that records it.
 */
function isOurs({ kind, owner }: Resource): boolean {
  return MARKED.has(kind) || (owner === OWNERS.seed && (kind === 'file' || kind === 'certificate'));
}

function ownedBy(resource: Resource, before: OwnedResource['before']): OwnedResource {
  const { kind, key, owner, digest } = resource;
  const details = detailsOf(resource);
  return {
    kind,
    key,
    owner,
    ...(digest === undefined ? {} : { digest }),
    ...(before === undefined ? {} : { before }),
    ...(resource.kind === 'directory' && resource.spec.contents === 'data' ? { data: true } : {}),
    ...(details === undefined || Object.keys(details).length === 0 ? {} : { details }),
  };
}

/**
 * Removes the old content of an image that gets new content: the engine still has it under the name by which it was
 * pulled.
 */
function supersededImage(resource: Resource, known: OwnedResource | undefined): readonly Removal[] {
  const source = known?.details?.['source'];
  if (resource.kind !== 'image' || source === undefined || source === resource.spec.source || known?.before === 'same') return [];
  const { host, owner, key } = resource;
  return [{ action: 'remove', host, owned: { kind: 'image', key: source, owner }, reason: `"${key}" is another image now`, end: 'gone' }];
}

/**
 * Removes the files of a set, such as a certificate with its key, that are elsewhere now. The set has the same name, by which the
 * record has the new paths alone.
 */
function supersededFiles(resource: Resource, known: OwnedResource | undefined, written: ReadonlySet<string>): readonly Removal[] {
  if (known === undefined || known.before === 'same') return [];
  return fileRemovals(resource.host, known, written, `"${known.key}" has its files elsewhere now`);
}

/** Leaves out of a removal each file that the run writes as part of another resource, as where a release names a certificate otherwise. */
function withoutWritten(removal: Removal | Staying, written: ReadonlySet<string>): readonly (Removal | Staying)[] {
  if (removal.action === 'keep' || removal.end !== 'gone') return [removal];
  const { host, owned, reason } = removal;
  if (!placedPaths(owned).some((path) => written.has(`${host} ${path}`))) return [removal];
  return fileRemovals(host, owned, written, reason);
}

/** Removals of all files of a resource that no wanted one writes. */
function fileRemovals(
  host: string,
  { before, owner, ...one }: OwnedResource,
  written: ReadonlySet<string>,
  reason: string,
): readonly Removal[] {
  return placedPaths({ owner, ...one }).flatMap((key): readonly Removal[] => {
    if (written.has(`${host} ${key}`)) return [];
    const owned: OwnedResource = { kind: 'file', key, owner, ...(before === undefined ? {} : { before }) };
    return [{ action: 'remove', host, owned, reason, end: 'gone' }];
  });
}

/** The recorded resource, wanted no more, whose file stands at one of the paths. A run that replaces the file keeps no original of it. */
function ownWithPath(paths: readonly string[], byPath: ReadonlyMap<string, OwnedResource>): OwnedResource | undefined {
  const own = paths.map((path) => byPath.get(path)).find((one) => one !== undefined);
  return own?.before === 'same' ? undefined : own;
}

/** Paths of the files of an owned resource of the kinds that place files. */
function placedPaths(owned: OwnedResource): readonly string[] {
  if (owned.kind === 'certificate' || owned.kind === 'keypair') return filesOf(owned);
  return PLACED.has(owned.kind) ? [owned.key] : [];
}

/** Kinds of which each resource is one file at its key. */
const PLACED: ReadonlySet<string> = new Set(['file', 'executable', 'artifact']);

function removalOf(host: string, owned: OwnedResource, { purge = false }: DifferenceOptions): Removal | Staying {
  if (owned.kept === true && !purge) return { action: 'keep', host, owned };
  const isShared = owned.details?.['contents'] === 'shared';
  const end = owned.data === true && !purge ? 'kept' : owned.before === 'same' || isShared ? 'left' : 'gone';
  const gone = owned.data === true ? 'it is not wanted any more, and its data are purged' : 'it is not wanted any more';
  const reasons = {
    left: isShared ? 'it lies in storage that other components share' : 'it was there before',
    kept: 'it holds data',
    gone,
  };
  return { action: 'remove', host, owned, reason: reasons[end], end };
}
