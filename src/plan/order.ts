import { secretUses, type NodeSpec, type Placement, type Topology } from '../cluster/index.ts';
import { topologicalOrder } from '../core/index.ts';
import type { ComponentAction, ComponentManifest } from '../manifests/index.ts';
import { OWNERS, resourceId } from '../resources/index.ts';
import type { SiteRecord } from '../site/index.ts';
import { hostOfChange, isIdle, isMaking, ownerOfChange, type Change, type Making, type Removal } from './change.ts';
import { usesKey, type Declared, type Wanted } from './declared.ts';
import { findDrains, hostByHost, type Drain } from './drains.ts';
import type {
  ActionStep,
  ClusterRegistry,
  DepotStep,
  FillStep,
  GateStep,
  InForceStep,
  Joining,
  MakeStep,
  PlanStep,
  QuorumStep,
  RecordStep,
  RemoveStep,
} from './plan-step.ts';
import { placementsOf, RecordedSite } from './recorded-site.ts';
import { describeStage, stageOf, STAGES, type Stage } from './stages.ts';

export interface OrderRequest {
  readonly declared: Pick<Declared, 'topology' | 'seed' | 'tools'>;
  readonly wanted: Pick<Wanted, 'uses' | 'releases'>;
  readonly changes: readonly Change[];
  readonly record: SiteRecord | undefined;
  /** Hosts whose own record is written before their first change and after their last. */
  readonly recordHosts: ReadonlySet<string>;
  /** Hosts that leave the cluster without being connected (--forget). No step runs on them. */
  readonly forgotten?: ReadonlySet<string>;
  readonly goesBack?: boolean | undefined;
  /** The registry of the cluster, where images of the bundle are to be put into it. */
  readonly registryToFill?: ClusterRegistry | undefined;
  /** Names of the secrets whose change is under way. */
  readonly changedSecrets?: readonly string[];
}

/**
 * Orders changes into steps. The seed comes first. Each host comes before its components, and each component after the
 * gates of all that it needs. Where a running component restarts, its hosts take turns: each must be healthy again
 * before the next restarts; where the platform drains hosts for that, each host is done with all of it before the next is drained. Removals come last, dependents first, and bundles after all others; only on a host that gets a new
 * component, owners that leave it are removed earlier. Every step stands in the list after all steps that it needs. Pure.
 */
export function orderChanges(request: OrderRequest): readonly PlanStep[] {
  const order = new Order(request);
  order.makeSeed();
  order.claimHosts();
  for (const node of request.declared.topology.spec.nodes) order.makeHost(node);
  order.removeFirst();
  order.changeSecrets();
  order.letFormerGo();
  for (const placement of order.placements()) order.makeComponent(placement);
  order.fillRegistry();
  order.copyBundles();
  order.removeRest();
  order.pruneBundles();
  order.settleHosts();
  return order.steps;
}

/** Stages of a host that come before its components. */
const HOST_STAGES = STAGES.filter((stage) => stage !== 'bundle');

/** An owner that is removed from a host. */
interface Leaving {
  readonly host: string;
  readonly owner: string;
}

/** Steps of one component on one host. Components that need it there start after all of them. */
type Ready = readonly PlanStep[];

class Order {
  readonly steps: PlanStep[] = [];
  readonly #topology: Topology;
  readonly #request: OrderRequest;
  readonly #site: RecordedSite;
  readonly #makings = new Map<string, Making[]>();
  readonly #removals = new Map<string, Removal[]>();
  /** Removals of bundles from hosts that stay, by host. */
  readonly #prunings = new Map<string, Removal[]>();
  readonly #claims = new Map<string, RecordStep>();
  readonly #base = new Map<string, PlanStep[]>();
  /** The step that makes a resource, by HOST RESOURCE_ID. */
  readonly #makers = new Map<string, MakeStep>();
  readonly #ready = new Map<string, Ready>();
  /** Steps that start or restart a component on a host, by id of the placement. */
  readonly #starts = new Map<string, readonly PlanStep[]>();
  /** Steps that must have succeeded before the next host of a component restarts or joins, by component. */
  readonly #chains = new Map<string, readonly PlanStep[]>();
  /**
   * The before-upgrade actions of a component and of all that it needs, by component. Its resources change only after
   * these.
   */
  readonly #upgrades = new Map<string, readonly PlanStep[]>();
  /** Actions of changed secrets by component that uses one. Its resources change only after these. */
  readonly #secretsTaken = new Map<string, PlanStep[]>();
  readonly #removedFirst = new Map<string, readonly PlanStep[]>();
  /** Names of the quorum components whose former machines have steps by which they leave. */
  readonly #letGone = new Set<string>();
  /** Hosts whose work goes elsewhere in this run, and the steps of that, by id of the placement with the actions. */
  readonly #drains: readonly Drain[];
  readonly #drained = new Map<string, readonly PlanStep[]>();
  #depot: readonly PlanStep[] = [];

  constructor(request: OrderRequest) {
    this.#request = request;
    this.#topology = request.declared.topology;
    this.#site = new RecordedSite(request.record, request.declared.topology, missingDefinitions(request.changes));
    for (const change of request.changes) {
      const key = usesKey(hostOfChange(change), ownerOfChange(change));
      if (isMaking(change)) append(this.#makings, key, change);
      else if (change.action !== 'remove' || isIdle(change)) continue;
      else if (change.owned.kind === 'bundle' && !this.#leavesWhole(change.owned.owner, change.host))
        append(this.#prunings, change.host, change);
      else append(this.#removals, key, change);
    }
    this.#drains = findDrains(this.#topology, {
      restarts: (placement) => this.#willRestart(placement),
      restartsAnew: (placement) => this.#restartsAnew(placement),
      takesWork: (host) => this.#site.takesWork(host),
    });
  }

  /** Claims every host except the seed, after the depot serves the verified bundle: no such host is changed earlier. */
  claimHosts(): void {
    const { name: seed } = this.#request.declared.seed;
    for (const host of this.#request.recordHosts) if (host !== seed) this.#claim(host, this.#depot);
  }

  makeSeed(): void {
    const { name } = this.#request.declared.seed;
    if (this.#request.recordHosts.has(name)) this.#claim(name, []);
    const made = this.#makeStages(name, OWNERS.seed, ['bundle', 'executable', 'configure', 'start'], this.#claimOf(name));
    // After a reset no node is left that would read from the depot.
    if (this.#topology.spec.nodes.length === 0) return;
    const gate = this.#add<DepotStep>({
      type: 'depot',
      id: `start-depot/${name}/answers`,
      phase: 'start-depot',
      host: name,
      summary: 'wait until the depot serves the bundle',
      needs: made.length > 0 ? made : this.#claimOf(name),
    });
    this.#depot = [gate];
  }

  makeHost({ name }: NodeSpec): void {
    const login = this.#makeStages(name, OWNERS.login, ['configure'], this.#claimOf(name));
    const made = this.#makeStages(name, OWNERS.host, HOST_STAGES, [...this.#claimOf(name), ...this.#depot, ...login]);
    this.#base.set(name, [...this.#claimOf(name), ...this.#depot, ...login, ...made]);
  }

  /** Fills the registry of the cluster once it and what leads to it are healthy. No component waits for that. */
  fillRegistry(): void {
    const { registryToFill, declared } = this.#request;
    const { registry } = this.#topology.platform;
    if (registryToFill === undefined || registry === undefined) return;
    const leading = new Set([registry.component, registry.entry]);
    const gates = this.#topology.placements.filter(({ component }) => leading.has(component.name));
    this.#add<FillStep>({
      type: 'fill',
      id: `fill-registry/${declared.seed.name}/images`,
      phase: 'fill-registry',
      host: declared.seed.name,
      summary: `put the images of the bundle into ${registryToFill.name}`,
      needs: [...this.#claimOf(declared.seed.name), ...this.#depot, ...gates.flatMap(({ id }) => this.#ready.get(id) ?? [])],
      registry: registryToFill,
    });
  }

  /** Copies the bundle to hosts that keep it, one host after the other, after all components are healthy. */
  copyBundles(): void {
    let before: readonly PlanStep[] = [...this.#ready.values()].flat();
    for (const { name } of this.#topology.spec.nodes) {
      const needs = [...this.#claimOf(name), ...(this.#base.get(name) ?? []), ...before];
      const made = this.#makeStages(name, OWNERS.host, ['bundle'], needs);
      if (made.length > 0) before = made;
    }
  }

  /**
   * All placements in the order in which they are made. Hosts that join a quorum come before its members where a restart of one
   * of these could end its majority; hosts that are drained follow one another.
   */
  placements(): readonly Placement[] {
    const ahead = new Map<string, readonly Placement[]>();
    for (const { name } of this.#topology.components) {
      const joiners = this.#topology.placements.filter((one) => one.component.name === name && this.#site.joins(one));
      if (this.#site.joinsFirst(name)) ahead.set(name, joiners);
    }
    const all = this.#topology.placements.flatMap((placement) => {
      const { name } = placement.component;
      const joiners = ahead.get(name) ?? [];
      ahead.delete(name);
      return [...joiners, placement];
    });
    return hostByHost([...new Set(all)], this.#drains);
  }

  /** Lets former machines go from quorums that their host joins no more. All others go when the new machine is about to join. */
  letFormerGo(): void {
    for (const component of this.#topology.components) {
      const joins = this.#topology.placements.some((one) => one.component.name === component.name && this.#site.joins(one));
      if (!joins) this.#letGo(component, this.#depot);
    }
  }

  makeComponent(placement: Placement): void {
    const { component, host } = placement;
    const needs = this.#needsOf(placement);
    const taken = this.#secretsTaken.get(component.name) ?? [];
    const before = [...(this.#base.get(host.name) ?? []), ...(this.#removedFirst.get(host.name) ?? []), ...taken];
    const upgrade = this.#upgradeActions(placement);
    const hasImages = this.#makingsOf(placement, 'images').length > 0;
    // A before-upgrade action runs from the new images, before other resources of the component change.
    const pulledFirst = upgrade.length > 0 && hasImages ? [this.#makeStage(placement, 'images', [...before, ...needs])] : [];
    const upgraded = this.#runActions(placement, upgrade, [...before, ...needs, ...pulledFirst.flat()]);
    const early = unique([...before, ...upgraded, ...this.#noteUpgrade(placement, upgraded)]);
    const configured = this.#makeStage(placement, 'configure', [...early, ...this.#mountsOf(placement)]);
    const packages = this.#makePackages(placement, [...early, ...configured]);
    const mounted = this.#makeStage(placement, 'mounts', [...early, ...configured, ...packages, ...needs]);
    const installed = [...early, ...configured, ...packages, ...needs, ...mounted];
    const images = pulledFirst.length > 0 ? pulledFirst.flat() : this.#makeStage(placement, 'images', installed);
    const artifacts = this.#makeStage(placement, 'artifacts', [...installed, ...images]);
    const shared = this.#sharedMakers(host.name, component.name);
    this.#start(placement, unique([...installed, ...images, ...artifacts, ...shared]), packages);
  }

  /**
   * Gates of needed components that mount file systems on the host: what the component keeps below a mount must not be made on the
   * directory beneath it.
   */
  #mountsOf({ host, needs }: Placement): readonly PlanStep[] {
    return needs.flatMap(({ component }) => {
      const mounts = this.#topology.manifests.components.get(component)?.mounts ?? [];
      return mounts.length === 0 ? [] : (this.#ready.get(`${component}/${host.name}`) ?? []);
    });
  }

  /** Adds before-upgrade actions to those of the component. Returns them with those of all that it needs. */
  #noteUpgrade({ component, needs }: Placement, upgraded: readonly PlanStep[]): readonly PlanStep[] {
    const known = this.#upgrades.get(component.name) ?? needs.flatMap((need) => this.#upgrades.get(need.component) ?? []);
    const all = [...known, ...upgraded];
    this.#upgrades.set(component.name, all);
    return all;
  }

  /**
   * Removes components from hosts that get a new component, before the new one starts: it may need their ports and
   * paths.
   */
  removeFirst(): void {
    const adding = new Set(
      this.#topology.placements.filter((placement) => !this.#site.runs(placement)).map((placement) => placement.host.name),
    );
    for (const host of this.#removingHosts()) {
      if (!adding.has(host)) continue;
      const leaving = this.#ownersToRemove(host).filter((owner) => !this.#stays(owner, host));
      this.#removedFirst.set(host, this.#removeOwners(host, leaving, this.#base.get(host) ?? this.#claimOf(host)));
    }
  }

  /**
   * Has running programs take the new values of secrets. Components that use one change after that, so that a value that is
   * refused reaches no file.
   */
  changeSecrets(): void {
    for (const placement of this.#topology.placements) {
      for (const secret of this.#request.changedSecrets ?? []) {
        const actions = this.#secretActions(placement, secret);
        if (actions.length === 0 || !this.#site.runs(placement)) continue;
        const gate = this.#gate(placement, { needs: this.#base.get(placement.host.name) ?? [], after: [] }, `-before-${secret}`);
        const taken = this.#runActions(placement, actions, [gate]);
        for (const { component } of [placement, ...secretUses(this.#topology, secret)])
          for (const step of taken) append(this.#secretsTaken, component.name, step);
      }
    }
  }

  /** Actions by which a component on a host takes a changed secret; those of the whole cluster come with its first host. */
  #secretActions({ component, host }: Placement, secret: string): readonly ComponentAction[] {
    const isFirst = this.#topology.first(component.name)?.name === host.name;
    return this.#actionsAt(component, 'secret-change').filter((action) => action.secret === secret && (action.each === 'host' || isFirst));
  }

  /** Adds all other removals, after everything that stays is healthy. */
  removeRest(): void {
    const gates = [...this.#ready.values()].flat();
    const rest = this.#removingHosts().flatMap((host) => {
      const isFirst = this.#removedFirst.has(host);
      const owners = this.#ownersToRemove(host).filter(
        (owner) => (!isFirst || this.#stays(owner, host)) && !(owner === OWNERS.login && this.#leaves(host)),
      );
      return this.#site.removalOrder(owners).map((owner): Leaving => ({ host, owner }));
    });
    const idOf = ({ host, owner }: Leaving): string => usesKey(host, owner);
    const before = this.#removedBefore(rest, idOf);
    const done = new Map<string, readonly PlanStep[]>();
    for (const one of topologicalOrder(rest, idOf, (leaving) => before.get(idOf(leaving)) ?? [])) {
      const { host, owner } = one;
      const earlier = (before.get(idOf(one)) ?? []).flatMap((id) => done.get(id) ?? []);
      const needs = [...this.#claimOf(host), ...gates, ...(this.#removedFirst.get(host) ?? []), ...earlier];
      done.set(idOf(one), this.#removeOwner(host, owner, needs));
    }
  }

  /**
   * Lists the removals before that of each owner: those of its host that come earlier, and components of other hosts that need it and
   * have none of their own, such as the clients of a server.
   */
  #removedBefore(rest: readonly Leaving[], idOf: (one: Leaving) => string): ReadonlyMap<string, readonly string[]> {
    const ofHost = new Map<string, string[]>();
    const before = new Map<string, string[]>();
    for (const one of rest) {
      before.set(idOf(one), [...(ofHost.get(one.host) ?? [])]);
      append(ofHost, one.host, idOf(one));
    }
    const ofOwner = new Map<string, Leaving[]>();
    for (const one of rest) append(ofOwner, one.owner, one);
    for (const one of rest) {
      for (const need of this.#topology.manifests.components.get(one.owner)?.needs ?? []) {
        if (need.hosts === 'near' && this.#site.hasRun(need.component, one.host)) continue;
        const others = (ofOwner.get(need.component) ?? []).filter(({ host }) => host !== one.host);
        for (const needed of others) append(before, idOf(needed), idOf(one));
      }
    }
    return before;
  }

  /**
   * Removes bundles that neither the one in force nor the one before needs, after everything else, and after the record says
   * which is in force.
   */
  pruneBundles(): void {
    if (this.#prunings.size === 0) return;
    const { name: seed } = this.#request.declared.seed;
    const noted = this.#add<InForceStep>({
      type: 'in-force',
      id: `prune-bundles/${seed}/in-force`,
      phase: 'prune-bundles',
      host: seed,
      summary: 'note which bundle is in force',
      needs: [...this.steps],
    });
    for (const [host, removals] of this.#prunings) {
      if (this.#isForgotten(host)) continue;
      this.#add<RemoveStep>({
        type: 'remove',
        id: `prune-bundles/${host}/bundles`,
        phase: 'prune-bundles',
        host,
        owner: removals[0]?.owned.owner ?? OWNERS.seed,
        summary: `remove bundles that nothing needs any more: ${removals.map(({ owned }) => owned.key).join(', ')}`,
        needs: [noted],
        removals,
      });
    }
  }

  /** Settles or releases every host. One that leaves keeps the login until the rest is gone, so that a killed run goes on. */
  settleHosts(): void {
    for (const host of this.#request.recordHosts) {
      const stays = !this.#leaves(host);
      const what = stays ? 'settle' : 'release';
      const settled = this.#add<RecordStep>({
        type: 'record',
        what,
        id: `record/${host}/${what}`,
        phase: 'record',
        host,
        summary: stays ? 'note what the site has on this host' : 'let the host go: it belongs to no site any more',
        needs: this.steps.filter((step) => step.host === host),
      });
      if (!stays && this.#removals.has(usesKey(host, OWNERS.login))) this.#removeOwner(host, OWNERS.login, [settled]);
    }
  }

  #add<S extends PlanStep>(step: S): S {
    const known: S = { ...step, needs: unique(step.needs) };
    this.steps.push(known);
    return known;
  }

  #claim(host: string, needs: readonly PlanStep[]): void {
    const step = this.#add<RecordStep>({
      type: 'record',
      what: 'claim',
      id: `record/${host}/claim`,
      phase: 'record',
      host,
      summary: 'note what the site will have on this host',
      needs,
    });
    this.#claims.set(host, step);
  }

  #claimOf(host: string): readonly PlanStep[] {
    const claim = this.#claims.get(host);
    return claim === undefined ? [] : [claim];
  }

  /** Adds a step for each stage in which the owner has changes, one after the other. Returns these steps. */
  #makeStages(host: string, owner: string, stages: readonly Stage[], needs: readonly PlanStep[]): readonly PlanStep[] {
    const made: PlanStep[] = [];
    for (const stage of stages) {
      const makings = (this.#makings.get(usesKey(host, owner)) ?? []).filter((making) => stageOf(making) === stage);
      if (makings.length > 0) made.push(this.#addMake(host, owner, { stage, makings, needs: [...needs, ...made], restarts: [] }));
    }
    return made;
  }

  #addMake(
    host: string,
    owner: string,
    parts: {
      readonly stage: Stage;
      readonly makings: readonly Making[];
      readonly needs: readonly PlanStep[];
      readonly restarts: readonly string[];
    },
  ): MakeStep {
    const { stage, makings, needs, restarts } = parts;
    const words = describeStage(stage, owner, makings);
    const step = this.#add<MakeStep>({
      type: 'make',
      id: `${words.phase}/${host}/${owner}-${stage}`,
      host,
      owner,
      ...words,
      needs,
      makings,
      restarts,
    });
    for (const { resource } of makings) this.#makers.set(`${host} ${resourceId(resource)}`, step);
    return step;
  }

  #makingsOf({ component, host }: Placement, stage: Stage): readonly Making[] {
    return (this.#makings.get(usesKey(host.name, component.name)) ?? []).filter((making) => stageOf(making) === stage);
  }

  #makeStage(placement: Placement, stage: Stage, needs: readonly PlanStep[]): readonly PlanStep[] {
    const makings = this.#makingsOf(placement, stage);
    if (makings.length === 0) return [];
    return [this.#addMake(placement.host.name, placement.component.name, { stage, makings, needs, restarts: [] })];
  }

  /** Upgrades of packages can restart the unit of a running component, so they are ordered like a restart. */
  #makePackages(placement: Placement, needs: readonly PlanStep[]): readonly PlanStep[] {
    if (!this.#upgradesUnit(placement)) return this.#makeStage(placement, 'packages', needs);
    const makings = this.#makingsOf(placement, 'packages');
    const isEngine = placement.component.services.some(({ unit }) => unit !== undefined && this.#isEngine(unit));
    return this.#restart(placement, { stage: 'packages', makings, needs, isEngine });
  }

  /** True when other versions of packages may restart the unit of a running component. */
  #upgradesUnit(placement: Placement): boolean {
    const hasUnit = placement.component.services.some(({ unit }) => unit !== undefined);
    const isUpgrade = this.#makingsOf(placement, 'packages').some(({ action }) => action === 'change');
    return hasUnit && isUpgrade && this.#site.runs(placement);
  }

  #willRestart(placement: Placement): boolean {
    if (!this.#site.runs(placement)) return false;
    return this.#upgradesUnit(placement) || this.#makingsOf(placement, 'start').some(isRestarting);
  }

  /** True when a component that restarts does so in another release, or as the container engine of its host. */
  #restartsAnew(placement: Placement): boolean {
    const { name } = placement.component;
    if (this.#upgradesUnit(placement) || this.#restartsEngine(this.#makingsOf(placement, 'start'))) return true;
    const release = this.#request.wanted.releases[name];
    return release !== undefined && this.#site.isUpgraded(name, release);
  }

  #restartsEngine(makings: readonly Making[]): boolean {
    return makings.some((making) => making.resource.kind === 'unit' && isRestarting(making) && this.#isEngine(making.resource.key));
  }

  /** True for the unit of the container engine: all containers of the host end when it restarts. */
  #isEngine(unit: string): boolean {
    const { engine } = this.#request.declared.tools;
    return engine !== undefined && (unit === engine.unit || unit === `${engine.unit}.service`);
  }

  /** Steps that make resources which the component uses and another owner of the host has. */
  #sharedMakers(host: string, owner: string): readonly PlanStep[] {
    const ids = this.#request.wanted.uses.get(usesKey(host, owner)) ?? [];
    return ids.flatMap((id) => this.#makers.get(`${host} ${id}`) ?? []);
  }

  /**
   * Steps that must succeed before a component starts: the gates of all that it needs. Where a need asks for fewer than
   * all hosts, a wait for that number of healthy hosts stands in place of their gates.
   */
  #needsOf(placement: Placement): readonly PlanStep[] {
    return placement.needs.flatMap(({ component, placements, count }): Ready => {
      if (count === placements.length) return placements.flatMap((id) => this.#ready.get(id) ?? []);
      const id = `check-components/${placement.host.name}/${placement.component.name}-needs-${component}`;
      const wanted = placementsOf(this.#topology, placements);
      return [
        this.#add<QuorumStep>({
          type: 'quorum',
          id,
          phase: 'check-components',
          host: placement.host.name,
          summary: `wait until ${count} of ${placements.length} hosts have a healthy ${component}`,
          needs: [],
          follows: placements.flatMap((one) => this.#starts.get(one) ?? []),
          placements: wanted,
          count,
        }),
      ];
    });
  }

  /** Adds the start or restart of a component, its gate, and the actions before and after them. */
  #start(placement: Placement, needs: readonly PlanStep[], packages: readonly PlanStep[]): void {
    const { component } = placement;
    const makings = this.#makingsOf(placement, 'start');
    const runs = this.#site.runs(placement);
    const joins = this.#site.joins(placement);
    const isRestart = runs && makings.some(isRestarting);
    const left = joins ? this.#letGo(component, needs) : [];
    const members = joins && left.length === 0 ? this.#membersOf(placement, needs) : left;
    const founded = joins ? unique([...needs, ...members, ...this.#chainOf(component)]) : needs;
    const joined = joins ? this.#runActions(placement, this.#actionsAt(component, 'join'), founded) : [];
    const started = this.#startSteps(placement, { makings, needs: [...founded, ...joined], isRestart });
    const touched = [...packages.filter(restartsSome), ...started];
    this.#starts.set(placement.id, touched);
    const gate = this.#gate(placement, {
      needs: [...founded, ...joined, ...started],
      after: touched,
      ...(joins ? { joining: this.#joiningOf(placement) } : {}),
    });
    const once = [
      ...this.#runActions(placement, this.#onceActions(placement), [gate]),
      // A program that starts in this run may have data that were made with the old value of a secret.
      ...(runs ? [] : this.#runActions(placement, this.#lateSecretActions(placement), [gate])),
    ];
    const isDrained = this.#drained.has(placement.id);
    const isStarted =
      makings.some(({ isReload }) => isReload !== true) || touched.some(restartsSome) || isDrained || this.#site.isOwed(placement);
    const healthy = isStarted ? this.#startedActions(placement, [gate, ...once]) : [];
    const ready = [gate, ...once, ...healthy, ...this.#fillAgain(placement, [gate, ...once, ...healthy])];
    this.#ready.set(placement.id, ready);
    if (isDrained) this.#chains.set(component.name, [...ready, ...this.#chainOf(component)]);
    if (!isRestart && !joins && touched.length === 0) return;
    const regained = runs ? this.#regain(placement, touched.filter(restartsSome)) : [];
    if (isRestart || joins || regained.length > 0) this.#chains.set(component.name, [...ready, ...regained, ...this.#chainOf(component)]);
  }

  #lateSecretActions(placement: Placement): readonly ComponentAction[] {
    return (this.#request.changedSecrets ?? []).flatMap((secret) => this.#secretActions(placement, secret));
  }

  /** Gates of the members of a quorum on other hosts: these must be healthy before another member joins. */
  #membersOf({ component, host }: Placement, needs: readonly PlanStep[]): readonly PlanStep[] {
    const others = this.#topology.placements.filter((one) => one.component.name === component.name && one.host.name !== host.name);
    return others.flatMap((other): readonly PlanStep[] => {
      const ready = this.#ready.get(other.id);
      if (ready !== undefined || !this.#site.isMember(other)) return ready ?? [];
      return [this.#gate(other, { needs, after: [] }, `-before-${host.name}-joins`)];
    });
  }

  /**
   * Has former machines leave the quorum through its members, which are healthy before and after that. Returns no steps where
   * there are none, or where they have left already.
   */
  #letGo(component: ComponentManifest, needs: readonly PlanStep[]): readonly PlanStep[] {
    const former = this.#site.former(component.name);
    if (former.length === 0 || this.#letGone.has(component.name)) return [];
    this.#letGone.add(component.name);
    const members = this.#topology.placements.filter((one) => one.component.name === component.name && this.#site.isMember(one));
    const before = members.map((member) => this.#gate(member, { needs, after: [] }, '-before-leave'));
    const left: PlanStep[] = [];
    for (const host of former) {
      const leaving: Placement = { id: `${component.name}/${host.name}`, component, host, needs: [] };
      const actions = this.#actionsAt(component, 'leave').filter(({ on }) => on !== 'self');
      left.push(...this.#runActions(leaving, actions, [...before, ...left], { suffix: `-of-${host.address}`, letsGo: true }));
    }
    const gates = members.map((member) => this.#gate(member, { needs: [...before, ...left], after: [] }, '-after-leave'));
    this.#chains.set(component.name, [...gates, ...this.#chainOf(component)]);
    return [...before, ...left, ...gates];
  }

  /**
   * Lists how to take a join back, even one of an earlier run: the leave actions, then what runs on the host and its data.
   */
  #joiningOf(placement: Placement): Joining {
    const { component, host } = placement;
    const leave = this.#actionsAt(component, 'leave').flatMap((action) => {
      const runner = this.#runnerOf(placement, action);
      return runner === undefined ? [] : [{ action, runner }];
    });
    const owned = this.#request.changes.flatMap((change) => {
      if (change.action === 'remove' || change.resource === undefined || change.owned === undefined) return [];
      const isOwn = change.resource.host === host.name && change.resource.owner === component.name;
      const isOfMember = change.owned.data === true || ['definition', 'unit'].includes(change.resource.kind);
      return isOwn && isOfMember && change.owned.before !== 'same' ? [change.owned] : [];
    });
    return { leave, owned };
  }

  #startSteps(
    placement: Placement,
    {
      makings,
      needs,
      isRestart,
    }: { readonly makings: readonly Making[]; readonly needs: readonly PlanStep[]; readonly isRestart: boolean },
  ): readonly PlanStep[] {
    if (makings.length === 0) return [];
    const { component, host } = placement;
    if (!isRestart) return [this.#addMake(host.name, component.name, { stage: 'start', makings, needs, restarts: [] })];
    return this.#restart(placement, { stage: 'start', makings, needs, isEngine: this.#restartsEngine(makings) });
  }

  /**
   * Adds a step that interrupts running components. It comes after their before-stop actions, and after the hosts that
   * restarted earlier are healthy again.
   */
  #restart(
    placement: Placement,
    parts: {
      readonly stage: Stage;
      readonly makings: readonly Making[];
      readonly needs: readonly PlanStep[];
      /** True when every container of this host restarts, too. */
      readonly isEngine: boolean;
    },
  ): readonly PlanStep[] {
    const { component, host } = placement;
    const fallen = parts.isEngine ? this.#site.containersOn(placement).filter((one) => !this.#isStopped(one)) : [];
    const isShort = component.placement === 'quorum' && this.#site.joinsFirst(component.name);
    const chain = component.update.order === 'parallel' && !isShort ? [] : this.#chainOf(component);
    const needed = placement.needs.flatMap((need) => this.#chains.get(need.component) ?? []);
    const ready = unique([...parts.needs, ...chain, ...needed]);
    const needs = [...ready, ...this.#drain(placement, ready)];
    const stopped = [placement, ...fallen].flatMap((one) =>
      this.#runActions(one, this.#actionsAt(one.component, 'before-stop'), needs, { suffix: `-${component.name}-${parts.stage}` }),
    );
    const leaving = parts.isEngine ? this.#leavingContainers(host.name) : [];
    const restarts = [component.name, ...fallen.map((one) => one.component.name), ...leaving];
    return [this.#addMake(host.name, component.name, { ...parts, needs: [...needs, ...stopped], restarts })];
  }

  /** Has the work of the host of a placement go elsewhere, where that restart wants it: once in a plan. Returns the steps of that. */
  #drain(member: Placement, needs: readonly PlanStep[]): readonly PlanStep[] {
    return this.#drains.flatMap(({ placement, members, runners }) => {
      if (!members.has(member.id)) return [];
      const known = this.#drained.get(placement.id);
      if (known !== undefined) return known;
      const { component } = placement;
      // The components on whose hosts the actions run do not restart meanwhile.
      const steady = this.#topology.placements.filter((one) => runners.includes(one.component.name));
      const before = [...needs, ...this.#chainOf(component), ...steady.flatMap(({ id }) => this.#ready.get(id) ?? [])];
      const steps = this.#runActions(placement, this.#actionsAt(component, 'drain'), before);
      this.#drained.set(placement.id, steps);
      return steps;
    });
  }

  /** Has work come back to a host that was drained, in this run or in one before it that did not end well, unless an operator keeps it away. */
  #fillAgain(placement: Placement, needs: readonly PlanStep[]): readonly PlanStep[] {
    const { component, host } = placement;
    const isOwed = this.#site.isOwed(placement) && this.#actionsAt(component, 'drain').length > 0;
    if ((!this.#drained.has(placement.id) && !isOwed) || this.#site.workAfterStart(host.name) !== undefined) return [];
    return this.#runActions(placement, this.#actionsAt(component, 'uncordon'), needs);
  }

  /**
   * Adds gates for the running components of a host that depend on a restarted one or were interrupted with it. Those
   * that were interrupted run their after-healthy actions again. One that is stopped now has a gate where it is started.
   */
  #regain(placement: Placement, after: readonly MakeStep[]): readonly PlanStep[] {
    if (after.length === 0) return [];
    const fallen = new Set(after.flatMap(({ restarts }) => restarts));
    const dependents = this.#site.dependentsOn(placement, fallen).filter((dependent) => !this.#isStopped(dependent));
    return dependents.flatMap((dependent) => {
      const suffix = `-after-${placement.component.name}`;
      const gate = this.#gate(dependent, { needs: after, after }, suffix);
      if (!fallen.has(dependent.component.name)) return [gate];
      return [gate, ...this.#startedActions(dependent, [gate], suffix)];
    });
  }

  /** True when a service of the component does not run, so that the run starts it. */
  #isStopped({ component, host }: Placement): boolean {
    return (this.#makings.get(usesKey(host.name, component.name)) ?? []).some(({ isStopped }) => isStopped === true);
  }

  /**
   * Adds the actions after the gate of a start. An after-healthy action may give the host work again, so a host that an
   * operator cordoned is cordoned again behind them, and one in the place of a machine that was down is uncordoned.
   */
  #startedActions(placement: Placement, needs: readonly PlanStep[], suffix = ''): readonly PlanStep[] {
    const { component, host } = placement;
    const last = this.#site.workAfterStart(host.name);
    const behind = last === undefined ? [] : this.#actionsAt(component, last);
    return this.#runActions(placement, [...this.#actionsAt(component, 'after-healthy'), ...behind], needs, { suffix });
  }

  #gate(placement: Placement, parts: Pick<GateStep, 'needs' | 'after' | 'joining'>, suffix = ''): GateStep {
    const { component, host } = placement;
    const again = parts.after.some(restartsSome);
    return this.#add<GateStep>({
      type: 'gate',
      id: `check-components/${host.name}/${component.name}${suffix}`,
      phase: 'check-components',
      host: host.name,
      summary:
        parts.joining === undefined
          ? `wait until ${component.name} is healthy${again ? ' again' : ''}`
          : `have ${component.name} join once it is healthy`,
      placement,
      ...parts,
    });
  }

  #chainOf({ name }: ComponentManifest): readonly PlanStep[] {
    return this.#chains.get(name) ?? [];
  }

  #actionsAt(component: ComponentManifest, moment: ComponentAction['at']): readonly ComponentAction[] {
    return component.actions.filter(({ at }) => at === moment);
  }

  #onceActions(placement: Placement): readonly ComponentAction[] {
    return this.#actionsAt(placement.component, 'once').filter((action) => {
      if (this.#site.isDone(placement, action)) return false;
      return action.each === 'host' || this.#topology.first(placement.component.name)?.name === placement.host.name;
    });
  }

  /**
   * Before-upgrade actions of a component that runs in another release; none when the run goes back. Those of the whole
   * cluster come with its first host.
   */
  #upgradeActions(placement: Placement): readonly ComponentAction[] {
    const { component, host } = placement;
    const release = this.#request.wanted.releases[component.name];
    if (this.#request.goesBack === true || release === undefined || !this.#site.isUpgraded(component.name, release)) return [];
    const isFirst = this.#topology.first(component.name)?.name === host.name;
    return this.#actionsAt(component, 'before-upgrade').filter(
      (action) => (action.each === 'host' ? this.#site.runs(placement) : isFirst) && !this.#site.isDone(placement, action, release),
    );
  }

  /** Adds a step for each action, one after the other. Returns these steps. */
  #runActions(
    placement: Placement,
    actions: readonly ComponentAction[],
    needs: readonly PlanStep[],
    { suffix = '', letsGo = false }: { readonly suffix?: string; readonly letsGo?: boolean } = {},
  ): readonly PlanStep[] {
    const steps: PlanStep[] = [];
    for (const action of actions) {
      const { component, host } = placement;
      const runner = this.#runnerOf(placement, action);
      if (runner === undefined || this.#isForgotten(runner)) continue;
      const where = runner === host.name ? '' : ` on ${runner}`;
      steps.push(
        this.#add<ActionStep>({
          type: 'action',
          id: `actions/${host.name}/${component.name}-${action.name}${suffix}`,
          phase: 'actions',
          host: host.name,
          summary: `${action.summary}${where} (${action.at} of ${component.name})`,
          needs: [...needs, ...this.#runnerGates(placement, action, runner), ...steps],
          placement,
          action,
          runner,
          ...(letsGo && action === actions.at(-1) ? { letsGo } : {}),
        }),
      );
    }
    return steps;
  }

  /**
   * Chooses the host that runs an action; undefined when no host can. Prefers hosts that run the component already, and
   * hosts other than the one the action is for.
   */
  #runnerOf({ host }: Placement, { on }: ComponentAction): string | undefined {
    if (on === 'self') return host.name;
    if (on === 'seed') return this.#request.declared.seed.name;
    const staying = this.#topology.hostsOf(on.component).map(({ name }) => name);
    const running = staying.filter((name) => this.#site.hasRun(on.component, name));
    return [...running.filter((name) => name !== host.name), ...staying.filter((name) => name !== host.name), ...staying][0];
  }

  /** Steps after which the component that runs an action is healthy on `runner`. */
  #runnerGates({ component }: Placement, { on }: ComponentAction, runner: string): Ready {
    if (typeof on === 'string' || on.component === component.name) return [];
    return this.#ready.get(`${on.component}/${runner}`) ?? [];
  }

  #isForgotten(host: string): boolean {
    return this.#request.forgotten?.has(host) === true;
  }

  #removingHosts(): readonly string[] {
    return [...new Set([...this.#removals.keys()].map((key) => key.slice(0, key.indexOf('/'))))];
  }

  /**
   * Removes resources of the owners that are not wanted any more from a host, one owner after the other, dependents
   * first. Returns the steps.
   */
  #removeOwners(host: string, owners: readonly string[], needs: readonly PlanStep[]): readonly PlanStep[] {
    const steps: PlanStep[] = [];
    for (const owner of this.#site.removalOrder(owners)) {
      steps.push(...this.#removeOwner(host, owner, [...needs, ...steps]));
    }
    return steps;
  }

  /** Returns true when everything that Caisson itself has on a host goes: the host leaves, or the seed is left without nodes. */
  #leavesWhole(owner: string, host: string): boolean {
    const { nodes } = this.#topology.spec;
    return owner === OWNERS.seed ? nodes.length === 0 : owner === OWNERS.host && !nodes.some(({ name }) => name === host);
  }

  /** True for a host that belongs to no site after the run. */
  #leaves(host: string): boolean {
    const { nodes } = this.#topology.spec;
    return !nodes.some(({ name }) => name === host) && !(nodes.length > 0 && host === this.#request.declared.seed.name);
  }

  /**
   * True for a component that stays on the host. Its unwanted resources are removed only after it is healthy with the
   * wanted ones.
   */
  #stays(owner: string, host: string): boolean {
    return this.#topology.hostsOf(owner).some(({ name }) => name === host);
  }

  #ownersToRemove(host: string): readonly string[] {
    return [...this.#removals.keys()].filter((key) => key.startsWith(`${host}/`)).map((key) => key.slice(host.length + 1));
  }

  /** Owners that leave the host after it has what it gets, and that run in containers until then. */
  #leavingContainers(host: string): readonly string[] {
    if (this.#removedFirst.has(host)) return [];
    return this.#ownersToRemove(host).filter((owner) =>
      (this.#removals.get(usesKey(host, owner)) ?? []).some(({ owned }) => {
        const { containers } = owned.details ?? {};
        return owned.kind === 'definition' && containers !== undefined && containers !== '';
      }),
    );
  }

  #removeOwner(host: string, owner: string, needs: readonly PlanStep[]): readonly PlanStep[] {
    const removals = this.#removals.get(usesKey(host, owner)) ?? [];
    const leaving = this.#site.leaving(owner, host);
    const own = leaving === undefined ? (this.#ready.get(`${owner}/${host}`) ?? []) : [];
    const chain = leaving === undefined ? [] : this.#chainOf(leaving.component);
    const before = [...needs, ...own, ...chain];
    const stopped =
      leaving === undefined
        ? []
        : this.#runActions(leaving, this.#actionsAt(leaving.component, 'before-stop'), before, { suffix: '-leaves' });
    const left =
      leaving === undefined
        ? []
        : this.#runActions(leaving, this.#actionsAt(leaving.component, 'leave'), [...before, ...stopped], { suffix: '-leaves' });
    const step = this.#isForgotten(host)
      ? undefined
      : this.#add<RemoveStep>({
          type: 'remove',
          id: `remove/${host}/${owner}`,
          phase: 'remove',
          host,
          owner,
          summary: describeRemoval(owner, removals, leaving !== undefined || this.#leavesWhole(owner, host)),
          needs: [...before, ...stopped, ...left],
          removals,
        });
    const steps: PlanStep[] = step === undefined ? [...stopped, ...left] : [...stopped, ...left, step];
    if (leaving === undefined || leaving.component.placement !== 'quorum') return steps;
    // All members that stay must be healthy before another member leaves.
    const gates = this.#topology.placements
      .filter(({ component }) => component.name === leaving.component.name)
      .map((member) => this.#gate(member, { needs: steps, after: [] }, `-after-${host}-left`));
    this.#chains.set(leaving.component.name, [...chain, ...gates]);
    return [...steps, ...gates];
  }
}

function describeRemoval(owner: string, removals: readonly Removal[], isWhole: boolean): string {
  if (owner === OWNERS.login) return 'take away the key of the site, by which the seed logged in';
  const keys = (end: Removal['end']): string => removals.flatMap((removal) => (removal.end === end ? [removal.owned.key] : [])).join(', ');
  const places = removals.flatMap(({ end, owned }) => (end === 'kept' && owned.data === true ? [owned.key] : []));
  const data = places.length === 0 ? '' : `; data stay in ${places.join(', ')}`;
  if (isWhole) {
    const what = owner === OWNERS.host ? 'what the site has on this host' : owner === OWNERS.seed ? 'the depot and its bundles' : owner;
    return `remove ${what}${data}`;
  }
  const from = owner === OWNERS.host ? 'this host' : owner === OWNERS.seed ? 'the seed' : owner;
  if (keys('gone') === '')
    return `let go of what ${from} does not need any more, and leave it there: ${[keys('left'), keys('kept')].filter((list) => list !== '').join(', ')}`;
  return `remove from ${from} what is not wanted any more: ${keys('gone')}${data}`;
}

/** OWNER/HOST of each service definition that the plan adds. */
function missingDefinitions(changes: readonly Change[]): ReadonlySet<string> {
  return new Set(
    changes.flatMap((change) =>
      change.action === 'add' && change.resource.kind === 'definition' ? [`${change.resource.owner}/${change.resource.host}`] : [],
    ),
  );
}

function isRestarting({ action, isReload }: Making): boolean {
  return action === 'change' && isReload !== true;
}

function restartsSome(step: PlanStep): step is MakeStep {
  return step.type === 'make' && step.restarts.length > 0;
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key) ?? [];
  list.push(item);
  lists.set(key, list);
}

function unique(steps: readonly PlanStep[]): readonly PlanStep[] {
  return [...new Set(steps)];
}
