import type { Placement } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import type { ComponentAction } from '../manifests/index.ts';
import { HostsUnfitError } from '../preflight/index.ts';
import { componentServices } from '../plan/index.ts';
import { openFileStore, REAL_MACHINES, SiteConflictError, type SiteConflict, type SiteRecord } from '../site/index.ts';
import type { Deed } from './apply/action.ts';
import { servicesHealthy } from './apply/gate.ts';
import { SiteWriter } from './apply/site-writer.ts';
import { withDataSession, type DataSession, type DataSite } from './backup/data-session.ts';
import { candidatesOf, chooseRunner, lastOf, requireInstalled, type Asked, type CordonOptions, type NodeVerb } from './cordon.ts';
import type { Down } from './down-nodes.ts';
import { withInstallLock } from './install-lock.ts';
import { journaledRun } from './journaled-run.ts';
import { awayConflicts, awayWithout, describeUsers, type Away } from './node-away.ts';
import { downSteps, upSteps, type NodeStepsParts } from './node-down-steps.ts';
import { layoutOf } from './session.ts';
import { clusterOf, siteUnknown } from './site-sources.ts';

/** The components that stop when a node is taken down, and those that are away because of it. */
export interface NodeDownPlan {
  readonly node: string;
  /** Components that stop, in that order. */
  readonly stops: readonly string[];
  /** True when the node is cordoned first. */
  readonly cordons: boolean;
  /** Lines that name components of other nodes that are away meanwhile. Empty unless the command is forced. */
  readonly away: readonly string[];
}

export interface NodeUpOptions extends CordonOptions {
  readonly bundlePaths?: readonly string[] | undefined;
}

/** Asks for approval of a plan. When it returns false, nothing is changed. */
export type ApproveNodeDown = (plan: NodeDownPlan) => Promise<boolean>;

/** Plans to take a node down and changes nothing. Throws as takeNodeDown does before its first change. */
export async function planNodeDown(options: CordonOptions): Promise<NodeDownPlan> {
  return withNode('take down', options, async (found) => (await planDown(found, options)).plan);
}

/**
 * Takes a node down: cordons it where the platform can, then stops all its components, dependents first, after their before-stop
 * actions. Its agent starts none of them again, a reboot neither, and every run that would work on the node is refused until
 * bringNodeUp. A run that was killed is run again. Throws SITE_UNKNOWN, INSTALL_LOCKED, USAGE for a node that is not installed,
 * SiteConflictError without `force` where something would be away that others need, HostsUnfitError for a node that does not
 * answer, HOSTS_UNFIT when no host can run an action, INTERRUPTED when it is not approved, StepsFailedError.
 */
export async function takeNodeDown(options: CordonOptions, approve: ApproveNodeDown): Promise<RunSummary & { readonly down: Down }> {
  const { node } = options;
  return withInstallLock(layoutOf(options), () =>
    withNode('take down', options, async (found) => {
      const { plan, asked } = await planDown(found, options);
      if (!(await approve(plan))) throw new CaissonError('INTERRUPTED', 'Stopped before anything was changed');
      const { summary, record } = await carryOut('node down', found, options, asked, (parts) => downSteps(parts, plan.cordons));
      const down = record.hosts[node]?.down;
      if (down === undefined) throw new Error(`the record does not have "${node}" as down`);
      return { ...summary, down };
    }),
  );
}

/**
 * Brings a node up: starts its components in the order of needs, each healthy before the next, runs their after-healthy actions,
 * and uncordons the node where taking it down had cordoned it. One that an operator cordoned stays so. A node that is up already
 * is looked at, and components that are stopped there start. `bundlePaths` has the installed bundle where the seed has no copy of
 * it, such as after a restore. Throws as takeNodeDown does, but for conflicts, and USAGE for another bundle.
 */
export async function bringNodeUp(options: NodeUpOptions): Promise<RunSummary> {
  return withInstallLock(layoutOf(options), () =>
    withNode('bring up', options, async (found) => {
      const { cordoned, down } = found.record.hosts[options.node] ?? {};
      const last = cordoned !== undefined && cordoned.untilStart !== true ? 'cordon' : down?.cordoned === true ? 'uncordon' : undefined;
      const asked = actionsAt(found.placements, last === undefined ? ['after-healthy'] : ['after-healthy', last]);
      return (await carryOut('node up', found, options, asked, (parts) => upSteps(parts, last))).summary;
    }),
  );
}

/** A node of the record, with its started components and the connected hosts. */
interface FoundNode {
  readonly verb: NodeVerb;
  readonly record: SiteRecord;
  readonly session: DataSession;
  /** Every started component, those of other nodes that are down included. */
  readonly started: readonly Placement[];
  readonly site: DataSite;
  /** Each comes after all that it needs. */
  readonly placements: readonly Placement[];
}

async function withNode<T>(verb: NodeVerb, options: NodeUpOptions, work: (found: FoundNode) => Promise<T>): Promise<T> {
  const { node, home, agentSocket, bundlePaths, clock, signal, machines = REAL_MACHINES } = options;
  const record = await openFileStore(layoutOf({ machines }).record).read();
  if (record?.bundle === undefined) throw siteUnknown('which nodes there are');
  requireInstalled(verb, node, record);
  const connect = { home, agentSocket };
  const opening = { bundlePaths, clusterPath: clusterOf(record), connect, clock, signal, machines };
  return withDataSession(record, record.bundle, opening, async (opened) => {
    // Nothing runs on other nodes that are down.
    const running = opened.running.filter(({ host }) => host.name === node || record.hosts[host.name]?.down === undefined);
    const session = { ...opened, running };
    const placements = running.filter(({ host }) => host.name === node);
    if (!opened.topology.spec.nodes.some(({ name }) => name === node)) {
      const problem = 'cluster.yaml does not have it any more';
      throw new SiteConflictError(
        [{ where: node, problem, remedy: 'The next install removes it: caisson install --offline --plan' }],
        `${verb} "${node}"`,
      );
    }
    return session.connected(hostsToConnect(node, placements, session, record), async (site) => {
      const silent = site.findings.filter(({ host }) => host === node);
      if (silent.length > 0) throw new HostsUnfitError(silent);
      return work({ verb, record, session, started: opened.running, site, placements });
    });
  });
}

/** The node, the hosts that may run its actions, and the other members of its quorums. */
function hostsToConnect(node: string, placements: readonly Placement[], session: DataSession, record: SiteRecord): ReadonlySet<string> {
  const asked = actionsAt(placements, ['before-stop', 'after-healthy', 'cordon', 'uncordon']);
  const members = placements.flatMap(({ component }) =>
    component.placement === 'quorum' ? (record.placements[component.name] ?? []) : [],
  );
  const running = new Set(session.running.map(({ host }) => host.name));
  return new Set([
    node,
    ...asked.flatMap((one) => candidatesOf(one, session, record.seed)),
    ...members.filter((name) => running.has(name)),
  ]);
}

function actionsAt(placements: readonly Placement[], moments: readonly ComponentAction['at'][]): readonly Asked[] {
  return placements.flatMap((placement) =>
    placement.component.actions.filter(({ at }) => moments.includes(at)).map((action) => ({ placement, action })),
  );
}

interface PlannedDown {
  readonly plan: NodeDownPlan;
  readonly asked: readonly Asked[];
}

async function planDown(found: FoundNode, { node, force = false, signal }: CordonOptions): Promise<PlannedDown> {
  const { verb, record, session, placements } = found;
  const { cordoned, down } = record.hosts[node] ?? {};
  const cordons = actionsAt(placements, ['cordon']);
  // A node that is down already is not judged again, nor cordoned.
  const isDown = down?.stopped === true;
  const isCordoning = cordons.length > 0 && cordoned === undefined && !isDown;
  const away = awayWithout(node, { record, running: found.started, isHealthy: await healthOfMembers(found, signal) });
  const roles = isCordoning ? lastOf(cordons, session.topology, record, node) : [];
  const conflicts: readonly SiteConflict[] = [...awayConflicts(node, away), ...lastConflicts(node, roles)];
  if (conflicts.length > 0 && !force && down === undefined) throw new SiteConflictError(conflicts, `${verb} "${node}"`);
  return {
    plan: {
      node,
      stops: placements.map(({ component }) => component.name).toReversed(),
      cordons: isCordoning,
      away: describeAway(away),
    },
    asked: [...(isCordoning ? cordons : []), ...actionsAt(placements, ['before-stop'])],
  };
}

function lastConflicts(node: string, roles: readonly string[]): readonly SiteConflict[] {
  if (roles.length === 0) return [];
  const problem = `no other node of role ${roles.join(', ')} takes new work: there are none, or all are cordoned`;
  return [{ where: node, problem, remedy: 'Uncordon another one first: caisson node uncordon NAME; or add --force' }];
}

function describeAway({ quorums, users }: Away): readonly string[] {
  return [
    ...quorums.map(({ component }) => `${component} has no majority meanwhile`),
    ...(users.length === 0 ? [] : [`away meanwhile, because what they need runs nowhere: ${describeUsers(users)}`]),
  ];
}

/** Asks the agents of the other members of the node's quorums. */
async function healthOfMembers({ session, site, placements }: FoundNode, signal: AbortSignal): Promise<(placement: Placement) => boolean> {
  const quorums = new Set(placements.flatMap(({ component }) => (component.placement === 'quorum' ? [component.name] : [])));
  const members = session.running.filter(({ component, host }) => quorums.has(component.name) && site.hosts.has(host.name));
  const asked = members.map(async (member): Promise<readonly Placement[]> => {
    const services = componentServices(site.declared, member).map(({ name }) => name);
    return servicesHealthy(services, await site.agents.ask(site.hostOf(member.host.name), signal)).met ? [member] : [];
  });
  const healthy = new Set((await Promise.all(asked)).flat().map(({ id }) => id));
  return ({ id }) => healthy.has(id);
}

async function carryOut(
  operation: string,
  { verb, record, session, site, placements }: FoundNode,
  { node, clock, emit, signal, machines = REAL_MACHINES }: CordonOptions,
  asked: readonly Asked[],
  stepsOf: (parts: NodeStepsParts) => ReturnType<typeof upSteps>,
): Promise<{ readonly summary: RunSummary; readonly record: SiteRecord }> {
  const deeds: Deed[] = [];
  for (const one of asked) {
    const runner = await chooseRunner(verb, one, site, { names: candidatesOf(one, session, record.seed), session, signal });
    deeds.push({ ...one, runner });
  }
  const layout = layoutOf({ machines });
  const writer = new SiteWriter(openFileStore(layout.record), record, record.revision);
  const steps = stepsOf({ node, placements, deeds, site, writer, clock });
  const { bundle } = session;
  const summary = await journaledRun(steps, { operation, bundle, record, journal: layout.journal, clock, emit, signal });
  return { summary, record: writer.record };
}
