import type { Topology } from '../cluster/index.ts';
import { CaissonError, type Clock, type Emit } from '../core/index.ts';
import type { RunSummary, Step } from '../engine/index.ts';
import { suggestName } from '../io/index.ts';
import type { ComponentAction } from '../manifests/index.ts';
import { componentServices } from '../plan/index.ts';
import { openFileStore, REAL_MACHINES, SiteConflictError, type Machines, type RecordedHost, type SiteRecord } from '../site/index.ts';
import { probeAction, runAction, type Deed } from './apply/action.ts';
import { servicesHealthy } from './apply/gate.ts';
import { SiteWriter } from './apply/site-writer.ts';
import { withDataSession, type DataSession, type DataSite } from './backup/data-session.ts';
import { withInstallLock } from './install-lock.ts';
import { journaledRun } from './journaled-run.ts';
import { layoutOf } from './session.ts';
import { clusterOf, siteUnknown } from './site-sources.ts';

export interface CordonOptions {
  /** Name of the node. */
  readonly node: string;
  /** Cordons the last node of a role, too. */
  readonly force?: boolean;
  readonly home: string;
  readonly agentSocket?: string | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly machines?: Machines | undefined;
}

/** Since when a node gets no new work, and who wanted that. */
export type Cordon = NonNullable<RecordedHost['cordoned']>;

/**
 * Keeps new work away from a node: runs the cordon actions of its components, then notes it in the record. Connects only the
 * hosts that run these actions, so that a node that does not answer can be cordoned where its actions run elsewhere. A run
 * that was killed is run again; a node that is cordoned is cordoned again, since the time of the first run. Throws
 * SITE_UNKNOWN, INSTALL_LOCKED, USAGE for a node that is not installed, SiteConflictError for one without such an action and
 * for the last of a role without `force`, HOSTS_UNFIT when no host can run an action, StepsFailedError.
 */
export async function cordonNode(options: CordonOptions): Promise<RunSummary & { readonly cordoned: Cordon }> {
  const { summary, record } = await schedule('cordon', options);
  const cordoned = record.hosts[options.node]?.cordoned;
  if (cordoned === undefined) throw new Error(`the record does not have "${options.node}" as cordoned`);
  return { ...summary, cordoned };
}

/** Takes a cordon back: runs the uncordon actions of its components, then removes the note. Throws as cordonNode does. */
export async function uncordonNode(options: CordonOptions): Promise<RunSummary> {
  return (await schedule('uncordon', options)).summary;
}

type Verb = 'cordon' | 'uncordon';

/** A command of an operator for one node. */
export type NodeVerb = Verb | 'take down' | 'bring up';

interface Scheduled {
  readonly summary: RunSummary;
  /** The record after the run. */
  readonly record: SiteRecord;
}

async function schedule(verb: Verb, options: CordonOptions): Promise<Scheduled> {
  const { node, home, agentSocket, clock, emit, signal, machines = REAL_MACHINES } = options;
  const layout = layoutOf({ machines });
  return withInstallLock(layout, async () => {
    const store = openFileStore(layout.record);
    const record = await store.read();
    if (record?.bundle === undefined) throw siteUnknown('which nodes there are');
    requireInstalled(verb, node, record);
    const connect = { home, agentSocket };
    const opening = { clusterPath: clusterOf(record), connect, clock, signal, machines };
    return withDataSession(record, record.bundle, opening, async (session) => {
      const asked = askedActions(verb, node, session);
      requireAllowed(verb, asked, session, record, options);
      const candidates = new Set(asked.flatMap((one) => candidatesOf(one, session, record.seed)));
      return session.connected(candidates, async (site) => {
        const deeds: Deed[] = [];
        for (const one of asked) {
          const runner = await chooseRunner(verb, one, site, { names: candidatesOf(one, session, record.seed), session, signal });
          deeds.push({ ...one, runner });
        }
        const writer = new SiteWriter(store, record, record.revision);
        const steps = stepsOf(verb, node, { deeds, site, writer, clock });
        const { bundle } = session;
        const operation = `node ${verb}`;
        const summary = await journaledRun(steps, { operation, bundle, record, journal: layout.journal, clock, emit, signal });
        return { summary, record: writer.record };
      });
    });
  });
}

/** Throws USAGE for a node that the record does not have. */
export function requireInstalled(verb: NodeVerb, node: string, { hosts }: SiteRecord): void {
  const installed = Object.keys(hosts).filter((name) => (hosts[name]?.roles.length ?? 0) > 0);
  if (installed.includes(node)) return;
  throw new CaissonError('USAGE', `Cannot ${verb} "${node}": the record of the site has no such node`, {
    hint: suggestName(node, installed) ?? 'List the nodes: caisson node list',
  });
}

/** An action of a component on the node. */
export type Asked = Omit<Deed, 'runner'>;

/** The actions for a node. Components that need others are cordoned before these, and uncordoned after them. */
export function askedActions(verb: Verb, node: string, { running }: DataSession): readonly Asked[] {
  const here = running.filter(({ host }) => host.name === node);
  const ordered = verb === 'cordon' ? here.toReversed() : here;
  return ordered.flatMap((placement) =>
    placement.component.actions.filter(({ at }) => at === verb).map((action) => ({ placement, action })),
  );
}

function requireAllowed(
  verb: Verb,
  asked: readonly Asked[],
  { topology }: DataSession,
  record: SiteRecord,
  { node, force = false }: CordonOptions,
): void {
  const { cordoned, down } = record.hosts[node] ?? {};
  const refuse = (problem: string, remedy: string): never => {
    throw new SiteConflictError([{ where: node, problem, remedy }], `${verb} "${node}"`);
  };
  if (verb === 'uncordon' && down !== undefined)
    refuse('it is down, and new work would find nothing there', `Bring it up, which uncordons it: caisson node up ${node}`);
  if (asked.length === 0) {
    // The action went with another release or role, and the note is all that is left.
    if (verb === 'uncordon' && cordoned !== undefined) return;
    const isDeclared = topology.spec.nodes.some(({ name }) => name === node);
    if (!isDeclared) refuse('cluster.yaml does not have it any more', 'The next install removes it: caisson install --offline --plan');
    refuse(
      `no component that runs on it declares an action for that moment`,
      `Choose a node with a component whose manifest has an action "at: ${verb}"; without one Caisson cannot tell the platform where new work may go`,
    );
  }
  if (verb === 'uncordon' || cordoned !== undefined || force) return;
  const roles = lastOf(asked, topology, record, node);
  if (roles.length === 0) return;
  refuse(
    `no other node of role ${roles.join(', ')} takes new work: there are none, or all are cordoned`,
    `Uncordon another one first: caisson node uncordon NAME; to have no node that takes new work, add --force`,
  );
}

/** Roles by which the node has a component with a cordon action, and that no other node has which takes new work. */
export function lastOf(asked: readonly Asked[], { manifests }: Topology, { hosts }: SiteRecord, node: string): readonly string[] {
  const components = new Set(asked.map(({ placement }) => placement.component.name));
  const takes = (role: string): boolean =>
    Object.entries(hosts).some(
      ([name, host]) => name !== node && host.cordoned === undefined && host.down === undefined && host.roles.includes(role),
    );
  return (hosts[node]?.roles ?? []).filter(
    (role) => (manifests.roles.get(role)?.components ?? []).some((name) => components.has(name)) && !takes(role),
  );
}

/** Most hosts that are connected for one action, of which one runs it. */
const CANDIDATES = 3;

/** Hosts that can run an action. The node itself is one only where the action is for it, or no other host has the component. */
export function candidatesOf({ placement, action }: Asked, { running }: DataSession, seed: string): readonly string[] {
  const { on } = action;
  const node = placement.host.name;
  if (on === 'self') return [node];
  if (on === 'seed') return [seed];
  const all = running.filter(({ component }) => component.name === on.component).map(({ host }) => host.name);
  const others = all.filter((name) => name !== node);
  return (others.length > 0 ? others : all).slice(0, CANDIDATES);
}

export interface Candidates {
  readonly names: readonly string[];
  readonly session: DataSession;
  readonly signal: AbortSignal;
}

/** The first host whose component is healthy, else the first that answers. Throws HOSTS_UNFIT when none does. */
export async function chooseRunner(
  verb: NodeVerb,
  { placement, action }: Asked,
  site: DataSite,
  { names, session, signal }: Candidates,
): Promise<string> {
  const [first, ...others] = names.filter((name) => site.isConnected(name));
  if (first !== undefined) {
    if (others.length === 0) return first;
    for (const name of [first, ...others]) {
      const own = session.running.find(({ component, host }) => component.name === componentOf(action) && host.name === name);
      const services = own === undefined ? [] : componentServices(site.declared, own).map((service) => service.name);
      if (servicesHealthy(services, await site.agents.ask(site.hostOf(name), signal)).detail === '') return name;
    }
    return first;
  }
  const reasons = site.findings.filter(({ host }) => names.includes(host)).map(({ host, problem }) => `${host}: ${problem}`);
  const why = reasons.length === 0 ? `no host runs ${componentOf(action)}` : reasons.join('; ');
  throw new CaissonError('HOSTS_UNFIT', `Cannot ${verb} "${placement.host.name}": no host can ${action.summary} (${why})`, {
    hint: 'Bring one of them up, and run this again; nothing was changed',
  });
}

function componentOf({ on }: ComponentAction): string {
  return typeof on === 'string' ? on : on.component;
}

interface Parts {
  readonly deeds: readonly Deed[];
  readonly site: DataSite;
  readonly writer: SiteWriter;
  readonly clock: Clock;
}

/** The actions, one after the other, and the note in the record behind them. */
function stepsOf(verb: Verb, node: string, { deeds, site, writer, clock }: Parts): readonly Step[] {
  const steps: Step[] = [];
  for (const deed of deeds) steps.push({ ...actionStep(deed, site), needs: steps.slice(-1) });
  const isNoted = (): boolean => (writer.record.hosts[node]?.cordoned !== undefined) === (verb === 'cordon');
  return [
    ...steps,
    {
      id: `note-cordon/${node}/${verb}`,
      kind: 'change',
      phase: 'note-cordon',
      host: node,
      summary: verb === 'cordon' ? 'note that it takes no new work' : 'note that it takes new work again',
      needs: steps.slice(-1),
      isDone: async () => isNoted(),
      apply: () => writer.update((record) => noted(record, node, verb === 'cordon' ? clock.now() : undefined)),
    },
  ];
}

function actionStep(deed: Deed, site: DataSite): Omit<Step, 'needs'> {
  const { placement, action, runner } = deed;
  const { component, host } = placement;
  const where = runner === host.name ? '' : ` on ${runner}`;
  return {
    id: `actions/${host.name}/${component.name}-${action.name}`,
    kind: 'action',
    phase: 'actions',
    host: host.name,
    summary: `${action.summary}${where} (${action.at} of ${component.name})`,
    isDone: (context) => probeAction(site, deed, context),
    apply: (context) => runAction(site, deed, context),
  };
}

function noted(record: SiteRecord, node: string, since: Date | undefined): SiteRecord {
  const host = record.hosts[node];
  if (host === undefined) return record;
  const { cordoned: _, ...free } = host;
  const changed = since === undefined ? free : { ...free, cordoned: { since: since.toISOString(), by: 'operator' as const } };
  return { ...record, hosts: { ...record.hosts, [node]: changed } };
}
