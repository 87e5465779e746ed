import type { ComponentStatus } from '../../agent/index.ts';
import type { Placement } from '../../cluster/index.ts';
import type { Emit } from '../../core/index.ts';
import type { Step, StepContext } from '../../engine/index.ts';
import { waitFor, type ConditionState } from '../../health/index.ts';
import { componentServices, type GateStep, type Joining, type QuorumStep } from '../../plan/index.ts';
import { removeResources } from '../../resources/index.ts';
import { doAction } from './action.ts';
import type { AgentAnswer } from './agent-statuses.ts';
import { resourceContext, type RunSite } from './run-site.ts';

const LOOK_INTERVAL_MS = 1_000;
/** Milliseconds without a new state after which a gate fails. Some failed probes during a start are normal. */
const PATIENCE_MS = 180_000;

type Behaviour = Pick<Step, 'isDone' | 'apply' | 'undo'>;

/**
 * Passes when the host's agent reports every service of the component healthy. After restarts in this run, only probes
 * since the last restart count.
 */
export function gateBehaviour(run: RunSite, { placement, after, joining }: GateStep): Behaviour {
  const { component, host } = placement;
  const watch = watchPlacement(run, placement, after.length > 0);
  const joined = async (): Promise<void> => {
    if (joining !== undefined) await run.site.update((record) => addMember(record, component.name, host.name));
  };
  return {
    isDone: async (context) => {
      const { met } = await watch('recent', context.signal);
      if (met) await joined();
      return met;
    },
    apply: async (context) => {
      await waitUntil(run, `${component.name} on ${host.name} is healthy`, (signal) => watch('ask', signal), context);
      await joined();
    },
    ...(joining === undefined ? {} : { undo: (context) => takeBackJoin(run, placement, joining, context) }),
  };
}

/** The member leaves its quorum before it stops, so that the members that stay do not need its vote. */
async function takeBackJoin(run: RunSite, placement: Placement, { leave, owned }: Joining, context: StepContext): Promise<void> {
  for (const { action, runner } of leave) await doAction(run, { placement, action, runner }, context);
  try {
    await removeResources(run.hostOf(placement.host.name), owned, resourceContext(run, placement.host.name, context), { purge: true });
  } finally {
    run.agents.forget(placement.host.name);
  }
}

/** Passes when at least `count` placements of a component are healthy. */
export function quorumBehaviour(run: RunSite, { placements, count, summary }: QuorumStep): Behaviour {
  const watches = placements.map((placement) => watchPlacement(run, placement, false));
  const look = async (how: 'ask' | 'recent', signal: AbortSignal): Promise<ConditionState> => {
    const states = await Promise.all(watches.map((watch) => watch(how, signal)));
    const healthy = states.filter(({ met }) => met).length;
    const open = states.filter(({ met }) => !met).map(({ detail }) => detail);
    return { met: healthy >= count, detail: `${healthy} are: ${open.join('; ')}` };
  };
  return {
    isDone: async ({ signal }) => (await look('recent', signal)).met,
    apply: (context) => waitUntil(run, summary.replace(/^wait until /, ''), (signal) => look('ask', signal), context),
  };
}

function addMember<
  R extends { readonly placements: Readonly<Record<string, string[]>>; readonly joined: Readonly<Record<string, string[]>> },
>(record: R, component: string, host: string): R {
  const add = (lists: Readonly<Record<string, string[]>>): Readonly<Record<string, string[]>> => {
    const known = lists[component] ?? [];
    return known.includes(host) ? lists : { ...lists, [component]: [...known, host] };
  };
  return { ...record, placements: add(record.placements), joined: add(record.joined) };
}

/** The hosts and the declared cluster, for a wait for a component. */
export interface WatchSite extends Pick<RunSite, 'agents' | 'hostOf' | 'restarts' | 'clock'> {
  readonly declared: Pick<RunSite['declared'], 'topology'>;
}

/** Waits until the host's agent reports every service of a component healthy, by probes since the restart that was noted. */
export async function waitHealthy(site: WatchSite, placement: Placement, context: StepContext): Promise<void> {
  const watch = watchPlacement(site, placement, true);
  await waitUntil(site, `${placement.component.name} on ${placement.host.name} is healthy`, (signal) => watch('ask', signal), context);
}

function watchPlacement(run: WatchSite, placement: Placement, afterRestart: boolean) {
  const host = run.hostOf(placement.host.name);
  const services = componentServices(run.declared, placement).map(({ name }) => name);
  return async (how: 'ask' | 'recent', signal: AbortSignal): Promise<ConditionState> => {
    const since = afterRestart ? run.restarts.since(host.name) : undefined;
    return servicesHealthy(services, await run.agents[how](host, signal), since);
  };
}

async function waitUntil(
  run: Pick<RunSite, 'clock'>,
  description: string,
  look: (signal: AbortSignal) => Promise<ConditionState>,
  { signal, emit }: StepContext,
): Promise<void> {
  const quiet: Emit = (event) => {
    // The step itself says that it waits. Details matter only when the wait fails.
    if (event.type !== 'note') emit(event);
  };
  await waitFor({ description, look }, { intervalMs: LOOK_INTERVAL_MS, noProgressMs: PATIENCE_MS, signal, clock: run.clock, emit: quiet });
}

/** Judges one answer of an agent. `since` is the time of the last restart: only probes after it count. */
export function servicesHealthy(services: readonly string[], answer: AgentAnswer, since?: number): ConditionState {
  if ('silence' in answer) return { met: false, detail: `its agent does not answer: ${answer.silence}` };
  const open = services.flatMap(
    (name) =>
      problemOf(
        name,
        answer.status.components.find((candidate) => candidate.name === name),
        since,
      ) ?? [],
  );
  return { met: open.length === 0, detail: open.join('; ') };
}

function problemOf(name: string, status: ComponentStatus | undefined, since: number | undefined): string | undefined {
  if (status === undefined) return `${name} is not known to the agent yet`;
  if (status.state !== 'healthy') return `${name} is ${status.state}: ${status.reason}`;
  if (since === undefined) return undefined;
  if (status.errors > 0) return `${name} fails its probes: ${status.reason}`;
  if (status.seen === undefined || Date.parse(status.seen) < since) return `${name} was not probed since its restart`;
  return undefined;
}
