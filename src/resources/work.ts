import type { Host } from '../host/index.ts';
import type { OwnedResource } from '../site/index.ts';
import { ABSENT, type Found, type RemoveOptions, type ResourceContext } from './kind.ts';
import { KIND_ORDER, KINDS } from './kinds.ts';
import type { Resource, ResourceKindName, ResourceOf } from './resource.ts';

/** A resource that is to be made, and whether it replaces something that is not ours. */
export interface Making {
  readonly resource: Resource;
  readonly replaces: boolean;
}

/** Names a resource on its host. */
export function resourceId({ kind, key }: { readonly kind: string; readonly key: string }): string {
  return `${kind} ${key}`;
}

/** How each resource of one host was found; a few commands for all. */
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

/** Makes resources of one host as wanted, kind after kind. */
export async function makeResources(host: Host, makings: readonly Making[], context: ResourceContext): Promise<void> {
  for (const kind of KIND_ORDER) await makeKind(kind, host, makings, context);
}

/** Removes resources of ours from one host, kind after kind, in the reverse order of making. Kinds of a later version are left. */
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

/** Puts back what was there before these resources were made in this run. */
export async function undoResources(host: Host, makings: readonly Making[], context: ResourceContext): Promise<void> {
  for (const kind of [...KIND_ORDER].reverse()) await undoKind(kind, host, makings, context);
}

/** What the record must keep of a resource, beside its key, for its removal. */
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
