import { parseClusterSpec, resolveTopology, type Topology } from '../../src/cluster/index.ts';
import { digestOf } from '../../src/core/index.ts';
import { loadManifests, type Manifests } from '../../src/manifests/index.ts';
import type { Change, Making, PlanStep, Removal } from '../../src/plan/index.ts';
import { orderChanges, type OrderRequest } from '../../src/plan/order.ts';
import { type ResourceKindName } from '../../src/resources/index.ts';
import { newSiteRecord, seedLayout, type OwnedResource, type SiteRecord } from '../../src/site/index.ts';
import { hardManifests } from '../support/hard-cases.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { clusterYaml, type SampleNode } from '../support/sample-install.ts';
import { sampleResource } from './sample-changes.ts';
import { SITE_TOOLS } from '../support/site-tools.ts';

/** The manifests of the hard cases, with a component of which all hosts restart at once, and whose actions run everywhere. */
export function orderManifests(): Promise<Manifests> {
  return loadManifests(
    memoryTree({
      ...hardManifests(),
      'roles/batch.yaml': `apiVersion: caisson/v1
kind: Role
name: batch
summary: Has the batch
components: [docker, batch]
requires: { cpus: 1, memory: 1GB, disk: 10GB }
`,
      'components/batch/component.yaml': `apiVersion: caisson/v1
kind: Component
name: batch
summary: Runs at night
needs: [docker]
update: { order: parallel }
actions:
  - { name: stop, summary: say so, at: before-stop, on: seed, command: [say, "\${node.name}"] }
  - { name: prepare, summary: prepare it, at: once, command: [prepare] }
  - { name: convert, summary: convert its files, at: before-upgrade, command: [convert] }
services:
  - name: batch
    container: { image: registry.example/app:1 }
    health: { model: tcp, address: "127.0.0.1:9000" }
`,
    }),
  );
}

export function node(name: string, ...roles: readonly string[]): SampleNode {
  return { name, address: '10.0.0.11', roles };
}

export function topologyOf(manifests: Manifests, nodes: readonly SampleNode[]): Topology {
  const numbered = nodes.map((one, index) => ({ ...one, address: `10.0.0.${11 + index}` }));
  // A reset asks for a cluster without nodes, which no cluster.yaml can.
  const spec = parseClusterSpec(clusterYaml(nodes.length === 0 ? [node('none', 'front')] : numbered), 'cluster.yaml');
  return resolveTopology(nodes.length === 0 ? { ...spec, nodes: [] } : spec, manifests);
}

/** Something of this kind that is made for a component on a host; its key is the kind, unless it is given. */
export function made(place: string, kind: ResourceKindName, parts: Partial<Making> & { readonly key?: string } = {}): Making {
  const [owner = '', host = ''] = place.split('/');
  const { key = `${owner}-${kind}`, ...rest } = parts;
  const resource = sampleResource({ kind, key, owner, host, spec: {} });
  return { action: 'add', resource, reason: 'it is not there yet', replaces: false, owned: { kind, key, owner }, ...rest };
}

export const changed = (place: string, kind: ResourceKindName, parts: Parameters<typeof made>[2] = {}): Making =>
  made(place, kind, { action: 'change', ...parts });

export function removed(place: string, parts: Partial<Removal> & { readonly owned?: OwnedResource } = {}): Removal {
  const [owner = '', host = ''] = place.split('/');
  return {
    action: 'remove',
    host,
    owned: { kind: 'definition', key: `${owner}-definition`, owner },
    reason: 'it goes',
    end: 'gone',
    ...parts,
  };
}

export const OLD = digestOf('the release before');
export const NEW = digestOf('the release now');

/** The record of a site where these components run on these hosts, each COMPONENT/HOST. */
export function recordWith(places: readonly string[], changes: Partial<SiteRecord> = {}): SiteRecord {
  const hosts: Record<string, SiteRecord['hosts'][string]> = {};
  for (const place of places) {
    const [component = '', host = ''] = place.split('/');
    const owned = [...(hosts[host]?.owned ?? []), { kind: 'definition', key: `${component}-definition`, owner: component }];
    hosts[host] = { address: '10.0.0.11', roles: [], owned };
  }
  const components = Object.fromEntries(places.map((place) => [place.split('/')[0], { release: OLD }]));
  return { ...newSiteRecord({ id: 'i', name: 'sample', seed: 'seed' }), hosts, components, ...changes };
}

export interface Wish extends Partial<Pick<OrderRequest, 'record' | 'forgotten' | 'goesBack' | 'changedSecrets'>> {
  readonly changes?: readonly Change[];
  readonly seed?: string;
  /** Every node when left out. */
  readonly recordHosts?: readonly string[];
  readonly releases?: OrderRequest['wanted']['releases'];
  readonly uses?: OrderRequest['wanted']['uses'];
}

export function stepsOf(topology: Topology, wish: Wish): readonly PlanStep[] {
  const { changes = [], seed = 'seed', record, releases = {}, uses = new Map() } = wish;
  return orderChanges({
    declared: { topology, tools: SITE_TOOLS, seed: { name: seed, layout: seedLayout(), keys: {} as never } },
    wanted: { uses, releases },
    changes,
    record,
    recordHosts: new Set(wish.recordHosts ?? topology.spec.nodes.map(({ name }) => name)),
    ...(wish.forgotten === undefined ? {} : { forgotten: wish.forgotten }),
    ...(wish.goesBack === undefined ? {} : { goesBack: wish.goesBack }),
    ...(wish.changedSecrets === undefined ? {} : { changedSecrets: wish.changedSecrets }),
  });
}

/** Every step that must have ended well before this one starts. */
export function before(step: PlanStep): ReadonlySet<PlanStep> {
  const found = new Set<PlanStep>();
  const open = [...step.needs];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (found.has(one)) continue;
    found.add(one);
    open.push(...one.needs);
  }
  return found;
}

/**
 * The steps as lines "STEP < STEP, STEP": what each comes directly after. What comes before those is left out, as are the
 * records of hosts and the wait for the depot.
 */
export function orderOf(steps: readonly PlanStep[], matches = /./): readonly string[] {
  return steps
    .filter(({ type, id }) => type !== 'record' && type !== 'depot' && matches.test(id))
    .map((step) => {
      const further = new Set(step.needs.flatMap((need) => [...before(need)]));
      const direct = step.needs.filter((need) => !further.has(need) && need.type !== 'record' && need.type !== 'depot');
      const names = direct.map(nameOf).sort();
      return names.length === 0 ? nameOf(step) : `${nameOf(step)} < ${names.join(', ')}`;
    });
}

/** The id without its phase. */
export function nameOf({ id, phase }: PlanStep): string {
  return `${phase === 'check-components' ? 'gate ' : phase === 'remove' ? 'remove ' : ''}${id.slice(phase.length + 1)}`;
}
