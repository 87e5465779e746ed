import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { CaissonError, hasCode, messageOf, systemClock } from '../../../src/core/index.ts';
import { listCertificates, openFileStore, type RecordedBundle, type SiteRecord } from '../../../src/site/index.ts';
import { stagedPath } from '../../../src/usecases/site-sources.ts';
import {
  changesOf,
  expectAllRun,
  expectNothingOrphaned,
  expectRestartsAnnounced,
  expectShownIsRun,
  inventory,
  keptIn,
  snapshot,
} from './checks.ts';
import { describeTurn, type Begin, type Kill, type Mishap, type Turn } from './edits.ts';
import { ModelSite, type ModelRun, type ReleaseBundles } from './site.ts';
import { editsCluster, stepsBetween, type NodeVerb, type Step } from './verbs.ts';
import { FIRST_WISH, nodeOf, type Wish } from './wish.ts';

/** Error codes of runs that must not have changed anything. */
const REFUSALS: readonly string[] = ['SITE_CONFLICT', 'INPUT_INVALID', 'HOSTS_UNFIT', 'USAGE'];

/** One cluster from its first install to its reset, with the invariants that are checked after each run. */
export class ClusterLife {
  readonly #site: ModelSite;
  readonly #bundles: ReleaseBundles;
  readonly #bare: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #bareStates: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  #kept: { readonly host: string; readonly path: string }[] = [];
  /** Data that a reset kept. To the install after it they were there before, so no purge removes them. */
  #keptByReset: { readonly host: string; readonly path: string }[] = [];
  /** The last wish that was not refused. */
  #wish: Wish = FIRST_WISH;
  #secret: string | undefined;

  private constructor(site: ModelSite, bundles: ReleaseBundles) {
    this.#site = site;
    this.#bundles = bundles;
    this.#bare = new Map(site.machines.map((machine) => [machine.name, inventory(machine)]));
    this.#bareStates = new Map(site.machines.map((machine) => [machine.name, snapshot(machine)]));
  }

  /** Runs the turns of an operator and then a reset. Throws when an invariant is broken. */
  static async live(bundles: ReleaseBundles, begin: Begin, turns: readonly Turn[]): Promise<void> {
    const site = await ModelSite.open(bundles);
    const lived: string[] = [JSON.stringify(begin)];
    try {
      const life = new ClusterLife(site, bundles);
      await life.#begin(begin);
      for (const turn of turns) {
        lived.push(describeTurn(turn));
        await life.#turn(turn);
      }
      lived.push('reset');
      await life.#end();
    } catch (cause) {
      throw new Error(`${messageOf(cause)}\nin the last turn of:\n${lived.join('\n')}`, { cause });
    } finally {
      await site.close();
    }
  }

  async #begin(begin: Begin): Promise<void> {
    if (begin.by === 'install') return;
    const wish = { ...FIRST_WISH, nodes: [nodeOf('n1', begin.roles)] };
    await this.#applyKilled({ verb: { what: 'init' }, wish }, begin.kill);
  }

  async #turn({ edits, by, beginEmpty, mishap }: Turn): Promise<void> {
    let wish = this.#wish;
    for (const edit of edits) wish = edit.apply(wish);
    const steps: readonly Step[] = by === 'file' ? [{ verb: { what: 'install' }, wish }] : stepsBetween(this.#wish, wish, { beginEmpty });
    switch (mishap.what) {
      case 'nothing':
        await this.#runAll(steps);
        return;
      case 'kill': {
        const last = steps.at(-1);
        if (last === undefined || !(await this.#runAll(steps.slice(0, -1)))) return;
        // The command alone says that a component begins without its data, so it is run again.
        if (last.verb.what === 'move') {
          await this.#applyKilled(last, mishap);
          return;
        }
        if ((await this.#killed(last, mishap)) && mishap.runsAgain)
          await this.#apply((await this.#isRemoved(last)) ? { ...last, verb: { what: 'install' } } : last);
        return;
      }
      case 'rolled back':
        if (await this.#runAll(steps)) await this.#rollBack(mishap.kill);
        return;
      case 'node down':
        return this.#takeDown(mishap, steps);
      case 'renewed':
        if (await this.#runAll(steps)) await this.#renew(mishap.which, mishap.kill);
        return;
      case 'reset':
        if (await this.#runAll(steps)) await this.#reset(mishap.kill);
        return;
      case 'replaced':
        if (await this.#runAll(steps)) await this.#replace(mishap);
        return;
      case 'record lost': {
        // The record is the only list of hosts that leave, so no host may leave in this turn.
        await this.#install(this.#wish);
        await rm(this.#site.layout.record, { force: true });
        await this.#install({ ...wish, nodes: this.#wish.nodes });
        return;
      }
      case 'keys lost':
        return this.#refusedWithout(this.#site.layout.authorities, wish);
      case 'secrets lost':
        return this.#refusedWithout(this.#site.layout.secrets, wish);
      case 'seed lost':
        await this.#install(this.#wish);
        // Elsewhere a restore would have to make another machine the seed.
        if ((await this.#record())?.hosts['n1']?.roles.length) await this.#site.restoreSeed(this.#wish);
        await this.#runAll(steps);
        return;
      case 'other seed':
        return this.#refusedFromElsewhere(wish);
      case 'changed by hand':
        this.#changeByHand(mishap.how, mishap.which);
        await this.#runAll(steps);
        return;
    }
  }

  #install(wish: Wish): Promise<boolean> {
    return this.#apply({ verb: { what: 'install' }, wish });
  }

  /** Returns false when a step was refused; the steps after it are not run. */
  async #runAll(steps: readonly Step[]): Promise<boolean> {
    for (const step of steps) if (!(await this.#apply(step))) return false;
    return true;
  }

  /** Runs a command that is killed, and again when it was, with the invariants. Returns false when it was refused. */
  async #applyKilled(step: Step, kill: Kill | undefined): Promise<boolean> {
    if (kill === undefined) return this.#apply(step);
    const declared = this.#wish;
    const run = await this.#run(step, declared, kill);
    if (run.failure === undefined) return this.#applied(step, run, undefined);
    if (this.#isRefused(run)) return false;
    this.#kept.push(...keptIn(run.planned));
    const isCarriedOut = await this.#apply(step, declared, { again: true });
    if (['init', 'move'].includes(step.verb.what)) expect(isCarriedOut, `${step.verb.what} after a kill`).toBe(true);
    return isCarriedOut;
  }

  /** Runs a command, and checks the invariants after it. Returns false when it was refused. */
  async #apply(step: Step, declared = this.#wish, { again = false } = {}): Promise<boolean> {
    const before = await this.#record();
    const run = await this.#run(step, declared, undefined, again);
    if (run.failure === undefined) return this.#applied(step, run, before);
    if (!this.#isRefused(run)) throw asError(run.failure);
    return false;
  }

  async #applied(step: Step, run: ModelRun, before: SiteRecord | undefined): Promise<boolean> {
    this.#expectMoveAllowed(step, before);
    this.#wish = step.wish;
    this.#kept.push(...keptIn(run.planned));
    expectShownIsRun(run);
    expectRestartsAnnounced(run, this.#site.machines);
    if (step.verb.what === 'reset') return true;
    await this.#expectWell(before);
    // The file that a command wrote means the same as the one that the model writes.
    if (step.verb.what === 'init' || editsCluster(step.verb)) await this.#expectSettled({ declared: undefined });
    await this.#expectSettled();
    return true;
  }

  /** Runs a command that is killed. Returns false when it was refused before. */
  async #killed(step: Step, kill: Kill): Promise<boolean> {
    const run = await this.#run(step, this.#wish, kill);
    if (run.failure !== undefined && this.#isRefused(run)) return false;
    this.#wish = step.wish;
    this.#kept.push(...keptIn(run.planned));
    return true;
  }

  /** True when the node of a removal is gone: the command would be refused. */
  async #isRemoved({ verb }: Step): Promise<boolean> {
    if (verb.what !== 'node' || verb.change.what !== 'remove') return false;
    return ((await this.#record())?.hosts[verb.change.name]?.roles ?? []).length === 0;
  }

  /** Runs a command and checks that a refused one has changed nothing. */
  async #run({ verb, wish }: Step, declared: Wish, kill?: Kill, again = false): Promise<ModelRun> {
    const { machines } = this.#site;
    for (const machine of machines) machine.restarted.length = 0;
    const before = machines.map(snapshot);
    // Some commands write the file themselves; all others find it as it is wished.
    const isLeft = verb.what === 'init' || (verb.what === 'move' && again);
    const run = await this.#site.run(verb, { declared: isLeft ? undefined : editsCluster(verb) ? declared : wish, wish }, kill);
    if (run.failure !== undefined && this.#isRefused(run))
      expect(machines.map(snapshot), `after ${messageOf(run.failure)}`).toEqual(before);
    return run;
  }

  #isRefused({ failure }: ModelRun): boolean {
    return failure instanceof CaissonError && REFUSALS.includes(failure.code);
  }

  /** Goes back to the bundle before the one in force. Where there is none, an upgrade comes first. */
  async #rollBack(kill: Kill | undefined): Promise<void> {
    if ((await this.#record())?.previous === undefined) {
      const release = { ...this.#wish.release, storeConf: 3 - this.#wish.release.storeConf };
      if (!(await this.#apply({ verb: { what: 'upgrade' }, wish: { ...this.#wish, release } }))) return;
    }
    const before = await this.#record();
    if (before?.previous === undefined || before.operations.at(-1)?.outcome !== 'done') return;
    // A seed that was restored from a backup has lost the copy.
    if (!(await this.#hasCopy(before.previous))) return;
    const release = this.#bundles.releases.get(before.previous.digest);
    if (release === undefined) throw new Error(`nobody made bundle ${before.previous.digest}`);
    if (!(await this.#applyKilled({ verb: { what: 'rollback' }, wish: { ...this.#wish, release } }, kill))) return;
    expect((await this.#record())?.previous, 'the bundle to go forward to').toEqual(before.bundle);
  }

  async #hasCopy(bundle: RecordedBundle): Promise<boolean> {
    return stagedPath(bundle, this.#site.layout).then(
      () => true,
      (error: unknown) => {
        if (hasCode(error, 'INPUT_UNREADABLE')) return false;
        throw error;
      },
    );
  }

  async #renew(which: number, kill: Kill | undefined): Promise<void> {
    if ((await this.#record()) === undefined) return;
    const listed = await listCertificates(this.#site.layout, systemClock);
    const leaves = listed.filter(({ isAuthority }) => !isAuthority);
    const name = leaves[which % Math.max(1, leaves.length)]?.name;
    if (name !== undefined) await this.#applyKilled({ verb: { what: 'renew', names: [name] }, wish: this.#wish }, kill);
  }

  /** Removes the site, without its data, keys and secrets, and installs it again: these must be used again. */
  async #reset(kill: Kill | undefined): Promise<void> {
    const before = await this.#record();
    if (before === undefined) return;
    const already = this.#kept.length;
    if (!(await this.#applyKilled({ verb: { what: 'reset', purge: false }, wish: this.#wish }, kill))) return;
    // Data that an earlier run kept are forgotten with the record, as those that this one kept.
    const keptBefore = Object.entries(before.hosts).flatMap(([host, { owned }]) =>
      owned.flatMap(({ key, kept }) => (kept === true ? [{ host, path: key }] : [])),
    );
    this.#keptByReset.push(...keptBefore, ...this.#kept.slice(already));
    expect(existsSync(this.#site.layout.record), 'the record after a reset').toBe(false);
    await this.#install(this.#wish);
  }

  /** The store leaves its data behind only where the command says so. */
  #expectMoveAllowed({ verb, wish }: Step, before: SiteRecord | undefined): void {
    const [stood] = before?.placements['store'] ?? [];
    const to = wish.place['store'];
    if (stood === undefined || to === undefined || to === stood) return;
    expect(verb, `the command that took the store from ${stood} to ${to}`).toMatchObject({ what: 'move', move: { beginEmpty: true } });
    expect(this.#site.begun.at(-1), 'where data of the store began').toBe(to);
  }

  /** A node is taken down and brought up. Meanwhile its components stay away, and no run works on it. */
  async #takeDown(mishap: Extract<Mishap, { readonly what: 'node down' }>, steps: readonly Step[]): Promise<void> {
    await this.#install(this.#wish);
    const record = await this.#record();
    if (record === undefined) return;
    const nodes = this.#wish.nodes.filter(({ name }) => (record.hosts[name]?.roles.length ?? 0) > 0);
    const node = nodes[mishap.which % Math.max(1, nodes.length)]?.name;
    if (node === undefined) return;
    // Both commands have the agent look at its definitions, when it writes units again that were changed by hand.
    this.#site.machine(node).reloadAgent();
    const before = this.#site.machines.map(snapshot);
    const isEnded = await this.#goDown(node, record, mishap);
    if (isEnded && (await this.#meanwhile(mishap, { node, record, before }, steps))) return;
    const isGiven = isEnded && mishap.meanwhile === 'seed lost';
    await this.#whole({ what: 'up', node, force: false, isGiven }, mishap.killUp);
    // An install without the record forgets the bundle before the one in force.
    if (!isEnded || mishap.meanwhile !== 'record lost')
      expect(this.#site.machines.map(snapshot), `once ${node} is up again`).toEqual(before);
    expect(this.#site.cordoned.has(node), `${node} is cordoned`).toBe(false);
    await this.#expectWell(record);
    // The seed that was restored gets its copy of the bundle by an install.
    if (isGiven) expect(await this.#install(this.#wish), 'an install on a restored seed').toBe(true);
    else await this.#expectSettled();
  }

  /** Returns false for a command that was killed and is to be taken back. */
  async #goDown(node: string, record: SiteRecord, { kill, goesUp }: Extract<Mishap, { readonly what: 'node down' }>): Promise<boolean> {
    const verb = { what: 'down', node, force: false } as const;
    const run = await this.#run({ verb, wish: this.#wish }, this.#wish, kill);
    const isRefused = this.#isRefused(run);
    // A kill before the answer leaves that open.
    if (isRefused || run.failure === undefined) expect(isRefused, `taking ${node} down was refused`).toBe(isNeeded(node, record));
    if (run.failure !== undefined && !isRefused && goesUp) return false;
    if (run.failure !== undefined) await this.#whole({ ...verb, force: true }, isRefused ? kill : undefined);
    return true;
  }

  /** Runs a command for a node, again when it is killed. */
  async #whole(verb: NodeVerb, kill: Kill | undefined): Promise<void> {
    const first = await this.#run({ verb, wish: this.#wish }, this.#wish, kill);
    if (first.failure === undefined) return;
    if (kill === undefined || this.#isRefused(first)) throw asError(first.failure);
    const second = await this.#run({ verb, wish: this.#wish }, this.#wish);
    if (second.failure !== undefined) throw asError(second.failure);
  }

  /** Returns true when the node is down no more. */
  async #meanwhile(
    { meanwhile }: Extract<Mishap, { readonly what: 'node down' }>,
    { node, record, before }: { readonly node: string; readonly record: SiteRecord; readonly before: readonly unknown[] },
    steps: readonly Step[],
  ): Promise<boolean> {
    await this.#expectDown(node, record, before);
    switch (meanwhile) {
      case 'edits': {
        const [step] = steps;
        if (step !== undefined) expect(this.#isRefused(await this.#run(step, this.#wish)), `a run while ${node} is down`).toBe(true);
        break;
      }
      case 'reboot':
        this.#site.machine(node).reboot();
        break;
      case 'record lost': {
        // Hosts do not know that they are down, so an install brings them up. The platform keeps the cordon until it is told.
        await rm(this.#site.layout.record, { force: true });
        expect(await this.#install(this.#wish), 'an install without the record').toBe(true);
        if (this.#site.cordoned.has(node)) await this.#whole({ what: 'uncordon', node, force: false }, undefined);
        return false;
      }
      case 'seed lost':
        if ((record.hosts['n1']?.roles ?? []).length > 0) await this.#site.restoreSeed(this.#wish);
        break;
      case 'replaced':
        if (node === 'n1') break;
        if (await this.#replace({ which: this.#others().findIndex(({ name }) => name === node), purge: false, kill: undefined })) {
          expect(this.#site.cordoned.has(node), `${node} is cordoned once it is another machine`).toBe(false);
          return true;
        }
    }
    await this.#expectDown(node, record, before);
    return false;
  }

  async #expectDown(node: string, record: SiteRecord, before: readonly unknown[]): Promise<void> {
    for (const [index, machine] of this.#site.machines.entries()) {
      if (machine.name !== node) {
        expect(snapshot(machine), `${machine.name} while ${node} is down`).toEqual(before[index]);
        continue;
      }
      const running = [...machine.units].flatMap(([name, { started }]) =>
        started === undefined || name.startsWith('caisson-') ? [] : [name],
      );
      expect(running, `what runs on ${node} while it is down`).toEqual([]);
    }
    expect((await this.#record())?.hosts[node]?.down, `the note that ${node} is down`).toMatchObject({ stopped: true });
    const isCordoned = record.hosts[node]?.roles.includes('front');
    expect(this.#site.cordoned.has(node), `${node} is cordoned`).toBe(isCordoned);
  }

  /** Another machine takes the place of a node that is not the seed. */
  async #replace({
    which,
    purge,
    kill,
  }: {
    readonly which: number;
    readonly purge: boolean;
    readonly kill: Kill | undefined;
  }): Promise<boolean> {
    if ((await this.#record()) === undefined) return false;
    const others = this.#others();
    const node = others[which % Math.max(1, others.length)];
    if (node === undefined) return false;
    this.#replaced += 1;
    const { name } = node;
    const address = `10.0.1.${this.#replaced}`;
    const undo = this.#site.replaceMachine(name, address);
    const wish = { ...this.#wish, nodes: this.#wish.nodes.map((one) => (one === node ? { ...one, address } : one)) };
    const [kept, keptByReset, written] = [this.#kept, this.#keptByReset, this.#written];
    const isElsewhere = ({ host }: { readonly host: string }): boolean => host !== name;
    this.#kept = kept.filter(isElsewhere);
    this.#keptByReset = keptByReset.filter(isElsewhere);
    this.#written = new Set([...written].filter((file) => !file.startsWith(`${name} `)));
    if (await this.#applyKilled({ verb: { what: 'node', change: { what: 'replace', name, address }, purge }, wish }, kill)) return true;
    undo();
    this.#kept = kept;
    this.#keptByReset = keptByReset;
    this.#written = written;
    return false;
  }

  /** Nodes that are not the seed. */
  #others(): Wish['nodes'] {
    return this.#wish.nodes.filter((node) => node.name !== 'n1');
  }

  async #record(): Promise<SiteRecord | undefined> {
    return openFileStore(this.#site.layout.record).read();
  }

  async #expectWell(before: SiteRecord | undefined): Promise<void> {
    const record = await this.#record();
    const stood = before?.placements['store']?.[0];
    const stands = record?.placements['store']?.[0];
    const { place } = this.#wish;
    if (stood !== undefined && stands !== undefined) expect(stands, 'host of the store').toBe(place['store'] ?? stood);
    for (const [component, host] of Object.entries(place)) {
      const stand = record?.placements[component];
      if (stand !== undefined) expect(stand, `host of ${component}`).toEqual([host]);
    }
    if (stands !== undefined) {
      await this.#expectSameSecret();
      this.#expectData(stands);
    }
    expectAllRun(this.#site.machines);
    expectNothingOrphaned(this.#site, record, { before: this.#bare, kept: this.#kept });
  }

  async #expectSameSecret(): Promise<void> {
    const secret = await readFile(join(this.#site.layout.secrets, 'store-root'), 'utf8');
    expect(secret, 'the secret').toBe(this.#secret ?? secret);
    this.#secret = secret;
  }

  /** Data files that the store wrote at its first start, as `HOST PATH`. They stay, on hosts that it has left, too. */
  #written = new Set<string>();
  #replaced = 0;
  #expectData(host: string): void {
    const path = `${this.#wish.variables['root'] ?? '/opt/sample'}/data/rows`;
    if (!this.#written.has(`${host} ${path}`)) this.#site.machine(host).write(path, `rows of ${host}`, 0o600, '1001:0');
    this.#written.add(`${host} ${path}`);
    for (const written of this.#written) {
      const [where = '', rows = ''] = written.split(' ');
      expect(this.#site.machine(where).text(rows), `data of ${where} in ${rows}`).toBe(`rows of ${where}`);
    }
  }

  /** A second run does nothing. cluster.yaml stays as it is where `declared` is undefined. */
  async #expectSettled({ declared }: { readonly declared: Wish | undefined } = { declared: this.#wish }): Promise<void> {
    const before = this.#site.machines.map(snapshot);
    const again = await this.#site.run({ what: 'install' }, { declared, wish: this.#wish });
    if (again.failure !== undefined) throw asError(again.failure);
    expect(changesOf(again.planned), 'changes of a second run').toEqual([]);
    expect(again.changed, `steps of a second run: ${changedSteps(again).join(', ')}`).toBe(0);
    expect(this.#site.machines.map(snapshot), 'after a second run').toEqual(before);
  }

  async #refusedWithout(path: string, wish: Wish): Promise<void> {
    await this.#install(this.#wish);
    if (!existsSync(path) || (await this.#record()) === undefined) return;
    const before = this.#site.machines.map(snapshot);
    const run = await this.#site.without(path, () => this.#site.run({ what: 'install' }, { declared: wish, wish }));
    expect(run.failure, 'a run without keys').toMatchObject({ code: expect.stringMatching(/^(SITE_CONFLICT|INPUT_INVALID|HOSTS_UNFIT)$/) });
    expect(this.#site.machines.map(snapshot), 'after a run without keys').toEqual(before);
  }

  async #refusedFromElsewhere(wish: Wish): Promise<void> {
    await this.#install(this.#wish);
    const other = this.#wish.nodes.find(({ name }) => name !== 'n1' && this.#wish.nodes.length > 1);
    if (other === undefined || (await this.#record()) === undefined) return;
    const before = this.#site.machines.map(snapshot);
    const run = await this.#site.installFrom(other.name, wish);
    expect(run.failure, 'a run from another seed').toMatchObject({
      code: expect.stringMatching(/^(SITE_CONFLICT|INPUT_INVALID|HOSTS_UNFIT)$/),
    });
    expect(this.#site.machines.map(snapshot), 'after a run from another seed').toEqual(before);
  }

  #changeByHand(how: 'write' | 'remove' | 'mode' | 'image' | 'unit', which: number): void {
    const machine = this.#site.machines[which % this.#site.machines.length];
    if (machine === undefined) return;
    const bare = this.#bare.get(machine.name) ?? new Set();
    const ours = [...machine.files.keys()]
      .filter((path) => !bare.has(`file ${path}`) && !path.endsWith('/rows') && !path.endsWith('site.json'))
      .sort();
    const path = ours[which % Math.max(1, ours.length)];
    const file = path === undefined ? undefined : machine.files.get(path);
    const [image] = machine.images.keys();
    const unit = [...machine.units.values()][which % Math.max(1, machine.units.size)];
    if (how === 'image' && image !== undefined) machine.images.delete(image);
    else if (how === 'unit' && unit !== undefined) unit.started = undefined;
    else if (path === undefined || file === undefined) return;
    else if (how === 'write') machine.write(path, 'changed by hand\n', file.mode, file.owner);
    else if (how === 'mode') machine.write(path, file.content, 0o666, file.owner);
    else machine.files.delete(path);
  }

  async #end(): Promise<void> {
    await this.#install(this.#wish);
    if ((await this.#record()) === undefined) return;
    const owned = (await this.#record())?.hosts ?? {};
    const run = await this.#site.run({ what: 'reset', purge: true }, { declared: this.#wish, wish: this.#wish });
    if (run.failure !== undefined) throw asError(run.failure);
    expect(existsSync(this.#site.layout.record), 'the record after a reset').toBe(false);
    for (const machine of this.#site.machines) {
      const found = snapshot(machine);
      // Data that was kept on a host when it left, or by a reset, does not belong to the site any more.
      const isOwned = (path: string): boolean => (owned[machine.name]?.owned ?? []).some(({ key }) => key === path);
      const kept = [...this.#kept.filter(({ path }) => !isOwned(path)), ...this.#keptByReset];
      const left = kept.filter(({ host }) => host === machine.name).map(({ path }) => path);
      const isLeft = (name: string): boolean => {
        const path = name.slice(name.indexOf(' ') + 1);
        return left.some((tree) => path === tree || path.startsWith(`${tree}/`) || tree.startsWith(`${path}/`));
      };
      const rest = Object.fromEntries(
        Object.entries(found).filter(([name]) => this.#bareStates.get(machine.name)?.[name] !== undefined || !isLeft(name)),
      );
      expect(rest, `${machine.name} after a reset`).toEqual(this.#bareStates.get(machine.name));
    }
  }
}

/** True when a node may go down only by force: it has what other nodes need, or is the last one for requests. */
function isNeeded(node: string, { hosts, placements }: SiteRecord): boolean {
  const members = placements['ring'] ?? [];
  const losesMajority = members.includes(node) && members.length - 1 < Math.floor(members.length / 2) + 1;
  const isFront = (name: string): boolean => hosts[name]?.roles.includes('front') === true;
  const hasOtherFront = Object.keys(hosts).some((name) => name !== node && isFront(name));
  const isUsed = placements['store']?.[0] === node && hasOtherFront;
  return losesMajority || isUsed || (isFront(node) && !hasOtherFront);
}

function changedSteps({ events }: ModelRun): readonly string[] {
  return events.flatMap((event) => (event.type === 'step.finished' && event.outcome === 'done' ? [event.step] : []));
}

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error(messageOf(failure));
}
