import { ABSENT, detailsOf, MARKED, OWNERS, resourceId, RESTORING, type Found, type Resource } from '../resources/index.ts';
import type { OwnedResource, SiteRecord } from '../site/index.ts';
import { isMaking, type Change, type Removal, type Staying } from './change.ts';

export interface DifferenceOptions {
  /** True when data of owners that go are removed, too. */
  readonly purge?: boolean;
}

/**
 * Compares the wanted resources with those found on the hosts and those in the record. Returns one change for each
 * wanted resource and for each recorded one that is not wanted any more. Pure.
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
  const makings = wanted.map((resource) =>
    changeOf(resource, found.get(resource) ?? ABSENT, owned.get(resource.host)?.get(resourceId(resource))),
  );
  const removals = [...owned].flatMap(([host, things]) =>
    [...things.values()].filter((one) => !wantedIds.has(`${host} ${resourceId(one)}`)).map((one) => removalOf(host, one, options)),
  );
  const superseded = wanted.flatMap((resource) => supersededImage(resource, owned.get(resource.host)?.get(resourceId(resource))));
  return [...withDependentUnits(makings), ...withDirectoriesAbove(removals), ...superseded];
}

/**
 * Has directories above data that stay in the record, unless they are empty: a later run that purges the data removes them, too.
 */
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
      : ['file', 'executable', 'artifact'].includes(resource.kind)
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
    return { action: 'add', resource, reason, replaces: known?.before === 'other', owned: ownedBy(resource, known?.before) };
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

function removalOf(host: string, owned: OwnedResource, { purge = false }: DifferenceOptions): Removal | Staying {
  if (owned.kept === true && !purge) return { action: 'keep', host, owned };
  const end = owned.before === 'same' ? 'left' : owned.data === true && !purge ? 'kept' : 'gone';
  const gone = owned.data === true ? 'it is not wanted any more, and its data are purged' : 'it is not wanted any more';
  const reasons = { left: 'it was there before', kept: 'it holds data', gone };
  return { action: 'remove', host, owned, reason: reasons[end], end };
}
