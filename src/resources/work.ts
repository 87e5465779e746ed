import type { Host } from '../host/index.ts';
import type { OwnedResource } from '../site/index.ts';
import { ABSENT, type Found, type RemoveOptions, type ResourceContext } from './kind.ts';
import { KIND_ORDER, KINDS } from './kinds.ts';
import type { Resource, ResourceKindName, ResourceOf } from './resource.ts';

/** A resource to make, and whether it replaces something that Caisson did not make. */
export interface Making {
  readonly resource: Resource;
  readonly replaces: boolean;
}

/** KIND KEY, which is unique on one host. */
export function resourceId({ kind, key }: { readonly kind: string; readonly key: string }): string {
  return `${kind} ${key}`;
}

/** Compares the resources of one host with it, with a few commands for each kind. Changes nothing. */
export async function lookAtResources(
  host: Host,
  resources: readonly Resource[],
  context: ResourceContext,
): Promise<ReadonlyMap<Resource, Found>> {
  const found = new Map<Resource, Found>();
  for (const kind of KIND_ORDER) {
    const group = ofKind(resources, kind);
    if (group.length === 0) continue;
    const answers = await lookAtKind(kind, host, group, context);
    for (const [index, resource] of group.entries()) found.set(resource, answers[index] ?? ABSENT);
  }
  return found;
}

/** Makes resources on one host as wanted, in KIND_ORDER. */
export async function makeResources(host: Host, makings: readonly Making[], context: ResourceContext): Promise<void> {
  for (const kind of KIND_ORDER) await makeKind(kind, host, makings, context);
}

/** Removes owned resources from one host, in reverse KIND_ORDER. Resources of a kind that this version does not know stay. */
export async function removeResources(
  host: Host,
  owned: readonly OwnedResource[],
  context: ResourceContext,
  options: RemoveOptions,
): Promise<void> {
  for (const kind of [...KIND_ORDER].reverse()) {
    const group = owned.filter((one) => one.kind === kind);
    if (group.length > 0) await KINDS[kind].remove(host, group, context, options);
  }
}

/** Puts back the state before these resources were made in this run, in reverse KIND_ORDER. */
export async function undoResources(host: Host, makings: readonly Making[], context: ResourceContext): Promise<void> {
  for (const kind of [...KIND_ORDER].reverse()) await undoKind(kind, host, makings, context);
}

/** Data besides the key that the record stores for the removal of a resource; undefined when its kind needs none. */
export function detailsOf(resource: Resource): Readonly<Record<string, string>> | undefined {
  return detailsOfKind(resource.kind, resource);
}

function ofKind<K extends ResourceKindName>(resources: readonly Resource[], kind: K): readonly (Resource & ResourceOf<K>)[] {
  return resources.filter((resource): resource is Resource & ResourceOf<K> => resource.kind === kind);
}

function lookAtKind<K extends ResourceKindName>(
  kind: K,
  host: Host,
  group: readonly ResourceOf<K>[],
  context: ResourceContext,
): Promise<readonly Found[]> {
  return KINDS[kind].look(host, group, context);
}

async function makeKind<K extends ResourceKindName>(
  kind: K,
  host: Host,
  makings: readonly Making[],
  context: ResourceContext,
): Promise<void> {
  const wanted = wantedOf(kind, makings);
  if (wanted.length > 0) await KINDS[kind].ensure(host, wanted, context);
}

async function undoKind<K extends ResourceKindName>(
  kind: K,
  host: Host,
  makings: readonly Making[],
  context: ResourceContext,
): Promise<void> {
  const wanted = wantedOf(kind, makings);
  if (wanted.length > 0) await KINDS[kind].undo?.(host, wanted, context);
}

function wantedOf<K extends ResourceKindName>(kind: K, makings: readonly Making[]) {
  return ofKind(
    makings.map(({ resource }) => resource),
    kind,
  ).map((resource) => ({
    key: resource.key,
    spec: resource.spec,
    replaces: makings.some((making) => making.resource === resource && making.replaces),
  }));
}

function detailsOfKind<K extends ResourceKindName>(kind: K, resource: Resource): Readonly<Record<string, string>> | undefined {
  const [own] = ofKind([resource], kind);
  return own === undefined ? undefined : KINDS[kind].details?.(own.spec);
}
