import { formatHeld, unitNameOf, wholeUnitName } from '../agent/index.ts';
import type { Placement } from '../cluster/index.ts';
import { CaissonError, type Clock } from '../core/index.ts';
import type { Step, StepContext } from '../engine/index.ts';
import { disableUnit, enableUnit, readUnits, removeRemoteFile, runChecked, startUnits, type Host, type UnitState } from '../host/index.ts';
import type { ComponentAction } from '../manifests/index.ts';
import { componentServices } from '../plan/index.ts';
import { HELD, readHeldServices } from '../resources/index.ts';
import { EXECUTABLE, type SiteRecord } from '../site/index.ts';
import { probeAction, runAction, type Deed } from './apply/action.ts';
import { waitHealthy, type WatchSite } from './apply/gate.ts';
import { restartTimes } from './apply/restart-times.ts';
import type { SiteWriter } from './apply/site-writer.ts';
import type { DataSite } from './backup/data-session.ts';
import type { Down } from './down-nodes.ts';

/** Everything that the steps of one command need. */
export interface NodeStepsParts {
  readonly node: string;
  /** The started components of the node; each comes after all that it needs there. */
  readonly placements: readonly Placement[];
  /** The actions of these components, each with the host that runs it. */
  readonly deeds: readonly Deed[];
  readonly site: DataSite;
  readonly writer: SiteWriter;
  readonly clock: Clock;
}

/**
 * Steps that stop all components of a node, dependents first, after their before-stop actions. The note that the node is down
 * comes first, so that no other run works on it whatever happens to this one.
 */
export function downSteps(parts: NodeStepsParts, cordons: boolean): readonly Step[] {
  const steps = new NodeSteps(parts);
  const since = parts.clock.now().toISOString();
  steps.note('begin', 'note that it is down', (down) => ({
    since: down?.since ?? since,
    by: 'operator',
    ...(cordons || down?.cordoned === true ? { cordoned: true } : {}),
    ...(down?.stopped === true ? { stopped: true } : {}),
  }));
  if (cordons) for (const placement of parts.placements.toReversed()) steps.act(placement, 'cordon');
  for (const placement of parts.placements.toReversed()) {
    steps.act(placement, 'before-stop', () => steps.isStopped(placement));
    steps.stop(placement);
  }
  steps.note('end', 'note that all its components are stopped', (down) => ({ ...(down ?? { since, by: 'operator' }), stopped: true }));
  return steps.all;
}

/**
 * Steps that start all components of a node, each healthy before those that need it. The note that the node is down goes last.
 * `last` is the moment of the actions after that: uncordon, or cordon where an operator had cordoned the node before.
 */
export function upSteps(parts: NodeStepsParts, last: 'cordon' | 'uncordon' | undefined): readonly Step[] {
  const steps = new NodeSteps(parts);
  steps.note('begin', 'note that its components start', (down) => {
    if (down === undefined) return undefined;
    const { stopped: _, ...others } = down;
    return others;
  });
  for (const placement of parts.placements) {
    steps.start(placement);
    steps.gate(placement);
    steps.act(placement, 'after-healthy');
  }
  const ordered = last === 'cordon' ? parts.placements.toReversed() : parts.placements;
  if (last !== undefined) for (const placement of ordered) steps.act(placement, last);
  steps.note('end', 'note that it is up', () => undefined);
  return steps.all;
}

class NodeSteps {
  readonly all: Step[] = [];
  readonly #parts: NodeStepsParts;
  readonly #watch: WatchSite;

  constructor(parts: NodeStepsParts) {
    this.#parts = parts;
    const { agents, declared } = parts.site;
    this.#watch = { agents, declared, clock: parts.clock, restarts: restartTimes(), hostOf: (name) => parts.site.hostOf(name) };
  }

  /** Changes the note that the node is down. Done when the change makes no difference. */
  note(name: string, summary: string, change: (down: Down | undefined) => Down | undefined): void {
    const { node, writer } = this.#parts;
    const changed = (record: SiteRecord): SiteRecord => {
      const host = record.hosts[node];
      if (host === undefined) return record;
      const { down, ...others } = host;
      const next = change(down);
      return { ...record, hosts: { ...record.hosts, [node]: next === undefined ? others : { ...others, down: next } } };
    };
    const noteOf = (record: SiteRecord): string => JSON.stringify(record.hosts[node]?.down ?? null);
    this.#add({
      id: `note-down/${node}/${name}`,
      kind: 'change',
      phase: 'note-down',
      summary,
      isDone: async () => noteOf(changed(writer.record)) === noteOf(writer.record),
      apply: () => writer.update(changed),
    });
  }

  /** Runs the actions of a component for a moment, unless `isOver` says that the moment has passed. */
  act(placement: Placement, at: ComponentAction['at'], isOver: () => Promise<boolean> = async () => false): void {
    const { deeds, site, node } = this.#parts;
    for (const deed of deeds.filter((one) => one.placement === placement && one.action.at === at)) {
      const where = deed.runner === node ? '' : ` on ${deed.runner}`;
      this.#add({
        id: `actions/${node}/${placement.component.name}-${deed.action.name}`,
        kind: 'action',
        phase: 'actions',
        summary: `${deed.action.summary}${where} (${at} of ${placement.component.name})`,
        isDone: async (context) => (await isOver()) || (await probeAction(site, deed, context)),
        apply: (context) => runAction(site, deed, context),
      });
    }
  }

  stop(placement: Placement): void {
    const { name } = placement.component;
    this.#add({
      id: `stop-components/${this.#parts.node}/${name}`,
      kind: 'change',
      phase: 'stop-components',
      summary: `stop ${name}`,
      isDone: () => this.isStopped(placement),
      apply: async ({ signal }) => {
        const host = this.#host();
        const services = this.#servicesOf(placement);
        await this.#hold((held) => new Set([...held, ...services.map((service) => service.name)]), signal);
        // A call to a socket that is up would start its service again.
        for (const socket of services.flatMap(({ sockets }) => sockets)) await disableUnit(host, socket, { signal });
        for (const { unit } of services) if (unit !== undefined) await disableUnit(host, wholeUnitName(unit), { signal });
        this.#parts.site.agents.forget(host.name);
        if (await this.isStopped(placement)) return;
        throw new CaissonError('AGENT_RELOAD_FAILED', `Cannot stop "${name}" on "${host.name}": its agent keeps it running`, {
          hint: `Look at the agent there: journalctl -u caisson-agent -n 50; then run this again`,
        });
      },
    });
  }

  start(placement: Placement): void {
    const { name } = placement.component;
    this.#add({
      id: `start-components/${this.#parts.node}/${name}`,
      kind: 'change',
      phase: 'start-components',
      summary: `start ${name}`,
      isDone: async ({ signal }) => {
        const services = this.#servicesOf(placement);
        const held = await readHeldServices(this.#host(), signal);
        const active = await this.#activeUnits(placement, signal);
        return !services.some((service) => held.has(service.name)) && active.every(Boolean);
      },
      apply: async ({ signal }) => {
        const host = this.#host();
        const services = this.#servicesOf(placement);
        const units = services.flatMap(({ unit }) => (unit === undefined ? [] : [wholeUnitName(unit)]));
        const sockets = await this.#installed(
          services.flatMap((service) => service.sockets),
          signal,
        );
        for (const unit of [...sockets, ...units]) await enableUnit(host, unit, { signal });
        // A socket starts before its service, and not beside one that runs.
        const states = await readUnits(host, units, { signal });
        const isUp = units.every((unit) => isActive(states.get(unit)));
        for (const started of [isUp ? [] : sockets, units]) if (started.length > 0) await startUnits(host, started, { signal });
        const own = new Set(services.map((service) => service.name));
        await this.#hold((held) => new Set([...held].filter((service) => !own.has(service))), signal);
        await this.#watch.restarts.note(host, signal);
        this.#parts.site.agents.forget(host.name);
      },
    });
  }

  gate(placement: Placement): void {
    const { name } = placement.component;
    this.#add({
      id: `check-components/${this.#parts.node}/${name}`,
      kind: 'wait',
      phase: 'check-components',
      summary: `wait until ${name} is healthy`,
      isDone: async () => false,
      apply: (context: StepContext) => waitHealthy(this.#watch, placement, context),
    });
  }

  /** True when the agent holds all services of a component and none of their units runs. */
  async isStopped(placement: Placement): Promise<boolean> {
    const held = await readHeldServices(this.#host());
    if (!this.#servicesOf(placement).every(({ name }) => held.has(name))) return false;
    const sockets = await readUnits(
      this.#host(),
      this.#servicesOf(placement).flatMap((service) => service.sockets),
    );
    return ![...(await this.#activeUnits(placement)), ...[...sockets.values()].map(isActive)].some(Boolean);
  }

  #add(step: Omit<Step, 'host' | 'needs'>): void {
    this.all.push({ ...step, host: this.#parts.node, needs: this.all.slice(-1) });
  }

  #host(): Host {
    return this.#parts.site.hostOf(this.#parts.node);
  }

  #servicesOf(placement: Placement) {
    return componentServices(this.#parts.site.declared, placement);
  }

  /** Whether each unit of a component runs: those of packages, and those that the agent makes. */
  async #activeUnits(placement: Placement, signal?: AbortSignal): Promise<readonly boolean[]> {
    const units = this.#servicesOf(placement).flatMap((service) => {
      if (service.unit !== undefined) return [wholeUnitName(service.unit)];
      return service.container === undefined && service.process === undefined ? [] : [unitNameOf(service)];
    });
    if (units.length === 0) return [];
    const states = await readUnits(this.#host(), units, signal === undefined ? {} : { signal });
    return units.map((unit) => isActive(states.get(unit)));
  }

  /** Those of the units that systemd knows: what a package brings differs between distributions. */
  async #installed(units: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const states = await readUnits(this.#host(), units, { signal });
    return units.filter((unit) => states.get(unit)?.load !== 'not-found');
  }

  /** Changes which services the agent holds, and has it act on that. Where it holds none, there is no file. */
  async #hold(change: (held: ReadonlySet<string>) => ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const host = this.#host();
    const held = change(await readHeldServices(host, signal));
    if (held.size === 0) await removeRemoteFile(host, HELD, { signal });
    else await host.upload(formatHeld(held), HELD, { mode: 0o600, onlyWriter: true, signal });
    await runChecked(host, { argv: [EXECUTABLE, 'agent', 'reload'] }, { signal });
  }
}

function isActive(state: UnitState | undefined): boolean {
  return state !== undefined && state.active !== 'inactive' && state.active !== 'failed';
}
