import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { CaissonError, messageOf } from '../../../src/core/index.ts';
import { openFileStore, type SiteRecord } from '../../../src/site/index.ts';
import { changesOf, expectNothingOrphaned, expectRestartsAnnounced, expectShownIsRun, inventory, keptIn, snapshot } from './checks.ts';
import { describeTurn, type Turn } from './edits.ts';
import { ModelSite, type ModelRun, type ReleaseBundles } from './site.ts';
import { FIRST_WISH, type Wish } from './wish.ts';

/** Error codes of runs that must not have changed anything. */
const REFUSALS: readonly string[] = ['SITE_CONFLICT', 'INPUT_INVALID', 'HOSTS_UNFIT'];

/** One cluster from its first install to its reset, with the invariants that are checked after each run. */
export class ClusterLife {
  readonly #site: ModelSite;
  readonly #bundles: ReleaseBundles;
  readonly #bare: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #bareStates: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly #kept: { readonly host: string; readonly path: string }[] = [];
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
  static async live(bundles: ReleaseBundles, turns: readonly Turn[]): Promise<void> {
    const site = await ModelSite.open(bundles);
    const lived: string[] = [];
    try {
      const life = new ClusterLife(site, bundles);
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

  async #turn({ edits, mishap }: Turn): Promise<void> {
    let wish = this.#wish;
    for (const edit of edits) wish = edit.apply(wish);
    switch (mishap.what) {
      case 'nothing':
        return this.#install(wish);
      case 'rolled back':
        await this.#install(wish);
        return this.#rollBack();
      case 'kill': {
        const run = await this.#run(wish, mishap);
        if (run.failure !== undefined && this.#isRefused(run)) return;
        this.#wish = wish;
        this.#kept.push(...keptIn(run.planned));
        return mishap.runsAgain ? this.#install(wish) : undefined;
      }
      case 'record lost': {
        // The record is the only list of hosts that leave, so no host may leave in this turn.
        await this.#install(this.#wish);
        await rm(this.#site.layout.record, { force: true });
        return this.#install({ ...wish, nodes: this.#wish.nodes });
      }
      case 'keys lost':
        return this.#refusedWithout(this.#site.layout.authorities, wish);
      case 'secrets lost':
        return this.#refusedWithout(this.#site.layout.secrets, wish);
      case 'other seed':
        return this.#refusedFromElsewhere(wish);
      case 'changed by hand':
        this.#changeByHand(mishap.how, mishap.which);
        return this.#install(wish);
    }
  }

  async #install(wish: Wish): Promise<void> {
    const before = await this.#record();
    const run = await this.#run(wish);
    if (run.failure !== undefined) {
      if (!this.#isRefused(run)) throw asError(run.failure);
      return;
    }
    this.#wish = wish;
    this.#kept.push(...keptIn(run.planned));
    expectShownIsRun(run);
    expectRestartsAnnounced(run, this.#site.machines);
    await this.#expectWell(before);
    await this.#expectSettled();
  }

  /** Runs an install and checks that a refused run has changed nothing. */
  async #run(wish: Wish, kill?: { readonly at: number; readonly carriedOut: boolean }): Promise<ModelRun> {
    const { machines } = this.#site;
    for (const machine of machines) machine.restarted.length = 0;
    const before = machines.map(snapshot);
    const run = await this.#site.install(wish, kill);
    if (run.failure !== undefined && this.#isRefused(run))
      expect(machines.map(snapshot), `after ${messageOf(run.failure)}`).toEqual(before);
    return run;
  }

  #isRefused({ failure }: ModelRun): boolean {
    return failure instanceof CaissonError && REFUSALS.includes(failure.code);
  }

  /** Goes back to the bundle before the one in force, when the last run ended well and there is one. */
  async #rollBack(): Promise<void> {
    const before = await this.#record();
    if (before?.previous === undefined || before.operations.at(-1)?.outcome !== 'done') return;
    const release = this.#bundles.releases.get(before.previous.digest);
    if (release === undefined) throw new Error(`nobody made bundle ${before.previous.digest}`);
    for (const machine of this.#site.machines) machine.restarted.length = 0;
    const run = await this.#site.rollback(this.#wish);
    if (run.failure !== undefined) {
      if (!this.#isRefused(run)) throw asError(run.failure);
      return;
    }
    this.#wish = { ...this.#wish, release };
    this.#kept.push(...keptIn(run.planned));
    expectShownIsRun(run);
    expectRestartsAnnounced(run, this.#site.machines);
    await this.#expectWell(before);
    expect((await this.#record())?.previous, 'the bundle to go forward to').toEqual(before.bundle);
    await this.#expectSettled();
  }

  async #record(): Promise<SiteRecord | undefined> {
    return openFileStore(this.#site.layout.record).read();
  }

  async #expectWell(before: SiteRecord | undefined): Promise<void> {
    const record = await this.#record();
    const stood = before?.placements['store']?.[0];
    const stands = record?.placements['store']?.[0];
    if (stood !== undefined && stands !== undefined) expect(stands, 'host of the store').toBe(stood);
    if (stands !== undefined) {
      await this.#expectSameSecret();
      this.#expectData(stands);
    }
    expectNothingOrphaned(this.#site, record, { before: this.#bare, kept: this.#kept });
  }

  async #expectSameSecret(): Promise<void> {
    const secret = await readFile(join(this.#site.layout.secrets, 'store-root'), 'utf8');
    expect(secret, 'the secret').toBe(this.#secret ?? secret);
    this.#secret = secret;
  }

  /** Data files that the store wrote at its first start. They must stay as long as their directory is used. */
  readonly #written = new Set<string>();
  #expectData(host: string): void {
    const path = `${this.#wish.variables['root'] ?? '/opt/sample'}/data/rows`;
    const machine = this.#site.machine(host);
    if (this.#written.has(`${host} ${path}`)) expect(machine.text(path), `data of ${host}`).toBe(`rows of ${host}`);
    else machine.write(path, `rows of ${host}`, 0o600, '1001:0');
    this.#written.add(`${host} ${path}`);
  }

  async #expectSettled(): Promise<void> {
    const before = this.#site.machines.map(snapshot);
    const again = await this.#site.install(this.#wish);
    if (again.failure !== undefined) throw asError(again.failure);
    expect(changesOf(again.planned), 'changes of a second run').toEqual([]);
    expect(again.changed, `steps of a second run: ${changedSteps(again).join(', ')}`).toBe(0);
    expect(this.#site.machines.map(snapshot), 'after a second run').toEqual(before);
  }

  async #refusedWithout(path: string, wish: Wish): Promise<void> {
    await this.#install(this.#wish);
    if (!existsSync(path) || (await this.#record()) === undefined) return;
    const before = this.#site.machines.map(snapshot);
    const run = await this.#site.without(path, () => this.#site.install(wish));
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
    const staying = new Set(Object.keys((await this.#record())?.hosts ?? {}));
    const run = await this.#site.reset(this.#wish);
    if (run.failure !== undefined) throw asError(run.failure);
    expect(existsSync(this.#site.layout.record), 'the record after a reset').toBe(false);
    for (const machine of this.#site.machines) {
      const found = snapshot(machine);
      // Data that was kept on a host when it left does not belong to the site any more.
      const left = staying.has(machine.name) ? [] : this.#kept.filter(({ host }) => host === machine.name).map(({ path }) => path);
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

function changedSteps({ events }: ModelRun): readonly string[] {
  return events.flatMap((event) => (event.type === 'step.finished' && event.outcome === 'done' ? [event.step] : []));
}

function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error(messageOf(failure));
}
