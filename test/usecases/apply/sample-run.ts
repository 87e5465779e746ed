import { parseClusterSpec, resolveTopology, type Placement, type Topology } from '../../../src/cluster/index.ts';
import { digestOf, fixedClock, type Clock, type Event } from '../../../src/core/index.ts';
import type { StepContext } from '../../../src/engine/index.ts';
import type { Host } from '../../../src/host/index.ts';
import { loadManifests } from '../../../src/manifests/index.ts';
import type { Declared } from '../../../src/plan/index.ts';
import { dockerEngine } from '../../../src/resources/containers/docker/docker-engine.ts';
import { aptManager } from '../../../src/resources/packages/apt/apt-manager.ts';
import { EXECUTABLE, type SiteRecord, type SiteStore } from '../../../src/site/index.ts';
import { agentStatuses } from '../../../src/usecases/apply/agent-statuses.ts';
import { restartTimes } from '../../../src/usecases/apply/restart-times.ts';
import type { RunSite } from '../../../src/usecases/apply/run-site.ts';
import { SiteWriter } from '../../../src/usecases/apply/site-writer.ts';
import type { FakeAnswer, FakeReply } from '../../support/fake-host.ts';
import { memoryTree } from '../../support/memory-tree.ts';
import { clusterYaml, MANIFESTS, type SampleNode } from '../../support/sample-install.ts';
import { sampleRecord } from '../../support/sample-site.ts';

/** A store in memory that writes as the file store does: only over the revision that is expected. */
export function memorySiteStore(first?: SiteRecord): SiteStore & { readonly written: readonly SiteRecord[] } {
  let current = first;
  const written: SiteRecord[] = [];
  return {
    written,
    read: async () => current,
    write: async (record, expectedRevision) => {
      // Another write may come in between, as it may on a disk.
      await new Promise((resolve) => setImmediate(resolve));
      if (current?.revision !== expectedRevision) throw new Error(`there is revision ${current?.revision ?? 'none'}`);
      current = { ...record, revision: (expectedRevision ?? 0) + 1 };
      written.push(current);
      return current;
    },
    remove: async () => {
      current = undefined;
    },
  };
}

/** The sample platform, with `more` lines at the end of the manifest of its web server, on these nodes. */
export async function sampleTopology(nodes: readonly SampleNode[], more = ''): Promise<Topology> {
  const path = 'components/web/component.yaml';
  const manifests = await loadManifests(memoryTree({ ...MANIFESTS, [path]: `${MANIFESTS[path] ?? ''}${more}` }));
  return resolveTopology(parseClusterSpec(clusterYaml(nodes), 'cluster.yaml'), manifests);
}

export function placementOf(topology: Topology, id: string): Placement {
  const found = topology.placements.find((placement) => placement.id === id);
  if (found === undefined) throw new Error(`the sample has no ${id}`);
  return found;
}

export const RELEASE = digestOf('release');

/** What steps of one run share, for gates and actions on these hosts. */
export function sampleRun(topology: Topology, hosts: readonly Host[], clock: Clock = fixedClock(0)): RunSite {
  const record = sampleRecord({ placements: {}, joined: {}, actions: [] });
  return {
    // Neither gates nor actions look at the bundle, at the seed and at what the hosts are.
    declared: { topology, tools: { engine: dockerEngine, packages: aptManager } } as unknown as Declared,
    clock,
    agents: agentStatuses({ clock, client: async () => undefined }),
    restarts: restartTimes(),
    site: new SiteWriter(memorySiteStore(record), record, record.revision),
    settledOn: async () => [],
    releases: { web: RELEASE, store: RELEASE },
    inForce: (record) => record,
    purge: false,
    hostOf: (name) => {
      const host = hosts.find((candidate) => candidate.name === name);
      if (host === undefined) throw new Error(`host "${name}" is not connected`);
      return host;
    },
  };
}

export function stepContext(signal = new AbortController().signal): StepContext & { readonly events: readonly Event[] } {
  const events: Event[] = [];
  return { signal, emit: (event) => events.push(event), events };
}

export const STATUS = [EXECUTABLE, '--json', 'agent', 'status'];

export interface SaidService {
  readonly name?: string;
  readonly state?: string;
  readonly reason?: string;
  readonly errors?: number;
  readonly seen?: string;
}

/** What the program on a host prints of one service, with its exit status. */
export function says({ name = 'store', state = 'healthy', reason = '', errors = 0, seen }: SaidService): FakeAnswer {
  const time = '2026-01-01T00:00:00.000Z';
  const component = { name, state, since: time, reason, errors, ...(seen === undefined ? {} : { seen }) };
  const node = { name: 'n1', address: '10.0.0.11', uuid: 'u' };
  const status = { type: 'result', node, roles: [], version: '0', time, components: [component], problems: [] };
  const stdout = `{"type":"note"}\n${JSON.stringify(status)}\n`;
  return state === 'healthy' ? { stdout } : { exitCode: 6, stdout: `${stdout}{"type":"error","code":"NODE_UNHEALTHY"}\n` };
}

/** Answers of the agent's program, one after the other, the last again and again. */
export function statusReply(answers: readonly FakeAnswer[]): FakeReply {
  const left = [...answers];
  return { argv: STATUS, answer: () => left.shift() ?? answers.at(-1) ?? {} };
}
