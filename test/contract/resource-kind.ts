import { afterEach, describe, expect, it } from 'vitest';
import type { Host } from '../../src/host/index.ts';
import { forgetReplaced, type ResourceContext, type ResourceKind } from '../../src/resources/index.ts';
import type { OwnedResource } from '../../src/site/index.ts';
import type { Installer } from '../support/simulated-machine.ts';

/** A kind of resource with one wanted resource, on a host where that does not exist yet. */
export interface KindUnderTest<Spec> {
  readonly kind: ResourceKind<Spec>;
  readonly host: Host;
  readonly installer: Installer;
  readonly context: ResourceContext;
  readonly wanted: { readonly key: string; readonly spec: Spec };
  /** State before the resource is made; absent by default. `different` is for a kind whose parts other kinds make. */
  readonly initially?: 'different';
  /** All commands that the host has run. */
  readonly lines: readonly string[];
  /** Comparable form of everything that lasts on the host, without times. Equal for two hosts in the same state. */
  state(): Promise<unknown>;
  /** A value that differs after each write on the host, even one of the same content. */
  writes(): Promise<unknown>;
  /** Changes the resource by hand, without Caisson. */
  change(): Promise<void>;
  /** Adds another thing of the same kind that Caisson did not make. */
  neighbour(): Promise<void>;
  /**
   * Puts a thing that Caisson did not make in the place of the resource. Undefined for kinds that keep no originals.
   */
  readonly foreign: (() => Promise<void>) | undefined;
  stop?(): Promise<void>;
}

const signal = new AbortController().signal;

export interface ContractOptions {
  /** False leaves out the kills at each command, of which every one needs a fresh host. */
  readonly kills?: boolean;
}

/** Tests the contract of ResourceKind. */
export function describeResourceKind<Spec>(
  name: string,
  make: () => Promise<KindUnderTest<Spec>>,
  { kills = true }: ContractOptions = {},
): void {
  describe(`${name} as a kind of resource`, () => {
    const open: KindUnderTest<Spec>[] = [];
    afterEach(async () => {
      for (const under of open.splice(0)) await under.stop?.();
    });

    async function fresh(place: 'free' | 'taken'): Promise<Working<Spec>> {
      const under = await make();
      open.push(under);
      await under.neighbour();
      if (place === 'taken') await under.foreign?.();
      return new Working(under, place === 'taken');
    }

    it('is absent, then made, then the same, and made again changes nothing', async () => {
      const { under, ...work } = methodsOf(await fresh('free'));
      expect(await work.look()).toBe(under.initially ?? 'absent');
      await work.ensure();
      const looking = under.lines.length;
      expect(await work.look()).toBe('same');
      const looks = new Set(under.lines.slice(looking));
      const before = await under.writes();
      const again = under.lines.length;
      await work.make();
      expect(under.lines.slice(again).filter((line) => !looks.has(line))).toEqual([]);
      expect(await under.writes()).toEqual(before);
    });

    it('changes nothing when it looks', async () => {
      const { under, ...work } = methodsOf(await fresh('free'));
      const before = await under.writes();
      await work.look();
      expect(await under.writes()).toEqual(before);
    });

    it('is made again as wanted when it was changed on the host, and leaves the host as it was before', async () => {
      const { under, ...work } = methodsOf(await fresh('free'));
      const before = await under.state();
      await work.ensure();
      const made = await under.state();
      await under.change();
      expect(await work.look()).not.toBe('same');
      await work.ensure();
      expect(await work.look()).toBe('same');
      expect(await under.state()).toEqual(made);
      await work.remove();
      expect(await work.look()).toBe(under.initially ?? 'absent');
      expect(await under.state()).toEqual(before);
      await work.remove();
      expect(await under.state()).toEqual(before);
    });

    it.each(['free', 'taken'] as const)(
      'does everything under the signal of the run, by which it is stopped, in a place that is %s',
      async (place) => {
        const unstoppable: string[] = [];
        const { under, ...work } = methodsOf((await fresh(place)).on((host, { signal: own }) => noting(host, own, unstoppable)));
        await work.look();
        await work.make();
        await under.change();
        await work.make();
        await under.kind.undo?.(under.host, [{ ...under.wanted, replaces: place === 'taken' }], under.context);
        await work.make();
        await work.remove();
        expect(unstoppable).toEqual([]);
      },
    );

    it('leaves a host on which it was never made as it is', async () => {
      const { under, ...work } = methodsOf(await fresh('free'));
      const before = await under.state();
      await work.remove();
      expect(await under.state()).toEqual(before);
    });

    it('puts back what was there before the run, when it can', async () => {
      const { under, ...work } = methodsOf(await fresh('free'));
      if (under.kind.undo === undefined) return;
      for (const prepare of [async () => {}, async () => under.change()]) {
        await prepare();
        const before = await under.state();
        await under.kind.ensure(under.host, [{ ...under.wanted, replaces: false }], under.context);
        await under.kind.undo(under.host, [{ ...under.wanted, replaces: false }], under.context);
        await forgetReplaced(under.host, signal);
        expect(await under.state()).toEqual(before);
        await work.ensure();
      }
    });

    it('keeps aside what is not ours in its place, when it can, and puts it back', async () => {
      const { under, ...work } = methodsOf(await fresh('taken'));
      if (under.foreign === undefined) return;
      const before = await under.state();
      expect(await work.look()).toBe('different');
      await work.ensure();
      expect(await work.look()).toBe('same');
      expect(await under.state()).not.toEqual(before);
      await under.change();
      await work.ensure();
      await work.remove();
      expect(await under.state()).toEqual(before);
      await work.remove();
      expect(await under.state()).toEqual(before);
    });

    describe.skipIf(!kills).each(['free', 'taken'] as const)('in a place that is %s', (place) => {
      /** Kills the work at each of its commands, on a fresh host each time, and passes each killed host to `check`. */
      async function killEach(
        prepare: (work: Working<Spec>) => Promise<void>,
        work: (work: Working<Spec>) => Promise<void>,
        check: (work: Working<Spec>, where: string) => Promise<void>,
      ): Promise<void> {
        for (let at = 1; ; at += 1) {
          let ended = 0;
          for (const carriedOut of [false, true]) {
            const one = await fresh(place);
            if (place === 'taken' && one.under.foreign === undefined) return;
            await prepare(one);
            if (await one.killed(at, carriedOut, () => work(one))) await check(one, `killed at command ${at}, carried out: ${carriedOut}`);
            else ended += 1;
          }
          if (ended > 0) return expect([ended, at > 1]).toEqual([2, true]);
        }
      }

      async function madeState(): Promise<unknown> {
        const one = await fresh(place);
        await one.ensure();
        return one.under.state();
      }

      async function firstState(): Promise<unknown> {
        return (await fresh(place)).under.state();
      }

      it('ends as wanted when it was killed while it was made, and made again', async () => {
        const made = await madeState();
        const check = async (one: Working<Spec>, where: string): Promise<void> => {
          // Plans look first and make only resources that differ.
          if ((await one.look()) !== 'same') await one.ensure();
          else await forgetReplaced(one.under.host, signal);
          expect(await one.look(), where).toBe('same');
          expect(await one.under.state(), where).toEqual(made);
        };
        await killEach(
          async () => {},
          (one) => one.make(),
          check,
        );
        await killEach(
          async (one) => {
            await one.ensure();
            await one.under.change();
          },
          (one) => one.make(),
          check,
        );
      });

      it('leaves the host as it was before when it was killed while it was made, and removed', async () => {
        const first = await firstState();
        await killEach(
          async () => {},
          (one) => one.make(),
          async (one, where) => {
            await one.remove();
            await forgetReplaced(one.under.host, signal);
            expect(await one.under.state(), where).toEqual(first);
          },
        );
      });

      it('leaves the host as it was before when it was killed while it was removed, and removed again', async () => {
        const first = await firstState();
        await killEach(
          (one) => one.ensure(),
          (one) => one.remove(),
          async (one, where) => {
            await one.remove();
            expect(await one.under.state(), where).toEqual(first);
          },
        );
      });
    });
  });
}

/** Calls the functions of a kind for its one resource, as a run does. */
class Working<Spec> {
  readonly under: KindUnderTest<Spec>;
  readonly #replaces: boolean;

  constructor(under: KindUnderTest<Spec>, replaces: boolean) {
    this.under = under;
    this.#replaces = replaces;
  }

  /** The same work on another form of its host. */
  on(change: (host: Host, context: ResourceContext) => Host): Working<Spec> {
    return new Working({ ...this.under, host: change(this.under.host, this.under.context) }, this.#replaces);
  }

  /** Every answer is one of three, and says why where the resource differs. */
  async look(): Promise<'absent' | 'same' | 'different'> {
    const { kind, host, wanted, context } = this.under;
    const [found, ...others] = await kind.look(host, [wanted], context);
    expect(found).toMatchObject({ state: expect.stringMatching(/^(absent|same|different)$/) });
    expect(others).toEqual([]);
    if (found?.state === 'different') expect(found.why).toMatch(/\S/);
    return found?.state ?? 'absent';
  }

  async make(): Promise<void> {
    const { kind, host, wanted, context } = this.under;
    await kind.ensure(host, [{ ...wanted, replaces: this.#replaces }], context);
  }

  /** Makes the resource and drops the kept original, as a run does at its end. */
  async ensure(): Promise<void> {
    await this.make();
    await forgetReplaced(this.under.host, signal);
  }

  async remove(): Promise<void> {
    const { kind, host, wanted, context } = this.under;
    const details = kind.details?.(wanted.spec);
    const owned: OwnedResource = {
      kind: 'of the test',
      key: wanted.key,
      owner: 'tests',
      ...(details === undefined ? {} : { details }),
      ...(this.#replaces ? { before: 'other' } : {}),
    };
    await kind.remove(host, [owned], context, { purge: false });
  }

  /** Kills a work at one of its commands. Returns false when the work ended before that. */
  async killed(at: number, carriedOut: boolean, work: () => Promise<void>): Promise<boolean> {
    const { installer } = this.under;
    installer.death = { at: installer.commands + at, carriedOut };
    const died = await work().then(
      () => false,
      (error: unknown) => {
        if (!installer.dead) throw error;
        return true;
      },
    );
    installer.death = undefined;
    return died;
  }
}

/** The host, which notes each command and upload that another signal than `signal` would stop, or none. */
function noting(host: Host, signal: AbortSignal, unstoppable: string[]): Host {
  return {
    name: host.name,
    address: host.address,
    local: host.local,
    run: (command, options) => {
      if (options?.signal !== signal) unstoppable.push(command.argv.join(' '));
      return host.run(command, options);
    },
    upload: (source, path, options) => {
      if (options.signal !== signal) unstoppable.push(`upload of ${path}`);
      return host.upload(source, path, options);
    },
    close: () => host.close(),
  };
}

function methodsOf<Spec>(work: Working<Spec>) {
  return { under: work.under, look: () => work.look(), make: () => work.make(), ensure: () => work.ensure(), remove: () => work.remove() };
}
