import { describe, expect, it } from 'vitest';
import { readGenerations, seedLayout } from '../../src/site/index.ts';
import { install, rotateAuthority } from '../../src/usecases/index.ts';
import { outcomeOf, type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { canLoad, exchange, type TlsFiles } from '../support/tls-exchange.ts';
import { filesOf, waysOf, type Program, type Way } from '../support/trust-ways.ts';
import { useVaultSites } from '../support/vault-platform.ts';

const directory = useTempDir();
const open = useVaultSites(directory);

/**
 * Notes what every program can have read since the last phase ended: what was there then, and what each write made of it. A
 * program reads its files at some moment of a phase, and at its end at the latest.
 */
class Watch {
  readonly #site: SimulatedSite;
  readonly #ways: readonly Way[];
  readonly #read = new Map<Program, TlsFiles[]>();
  readonly #pairs = new Map<string, { readonly way: Way; readonly server: TlsFiles; readonly client: TlsFiles; readonly at: string }>();
  #phase = '';

  constructor(site: SimulatedSite) {
    this.#site = site;
    this.#ways = waysOf(site);
    for (const machine of site.machines) {
      const write = machine.write.bind(machine);
      machine.write = (...parameters) => {
        write(...parameters);
        if (/\.(crt|key)$/.test(parameters[0])) this.#look(`${machine.name} ${parameters[0]}`);
      };
    }
    this.#look('before');
  }

  /** A phase begins; the same one may begin again after a kill. */
  begin(phase: string): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#read.clear();
    this.#look('the beginning');
  }

  #look(at: string): void {
    for (const way of this.#ways) {
      for (const program of [way.server, way.client]) {
        const known = this.#read.get(program) ?? [];
        const now = filesOf(this.#site, program);
        const isNew = canLoad(now) && !known.some((one) => JSON.stringify(one) === JSON.stringify(now));
        this.#read.set(program, isNew ? [...known, now] : known);
      }
      for (const server of this.#read.get(way.server) ?? []) {
        for (const client of this.#read.get(way.client) ?? []) {
          const key = JSON.stringify([way.what, server, client]);
          if (!this.#pairs.has(key)) this.#pairs.set(key, { way, server, client, at: `${this.#phase}, after ${at}` });
        }
      }
    }
  }

  /** Tries every pair. Resolves to the number of exchanges, and to a line for each that failed. */
  async tryAll(): Promise<{ readonly exchanges: number; readonly failures: readonly string[] }> {
    const failures: string[] = [];
    for (const { way, server, client, at } of this.#pairs.values()) {
      const reason = await exchange(server, client, way.name);
      if (reason !== undefined) failures.push(`${way.what}: ${reason} (${at})`);
    }
    return { exchanges: this.#pairs.size, failures };
  }
}

async function installed(): Promise<SimulatedSite> {
  const site = await open();
  await site.install();
  return site;
}

/** Rotates, and tells the watch which phase begins. */
async function rotateWatched(site: SimulatedSite, authority: string, watch: Watch): Promise<unknown> {
  return rotateAuthority(site.options, authority, async ({ notes }) => {
    watch.begin(notes.join(' '));
    return true;
  });
}

describe('during a rotation', () => {
  it.each(['site', 'vault'])(
    'of authority "%s", every client reaches every server with whatever each has read, also when the run is killed',
    async (authority) => {
      const site = await installed();
      const ways = waysOf(site);
      const before = ways.map(({ server, client }) => ({ server: filesOf(site, server), client: filesOf(site, client) }));
      const watch = new Watch(site);
      const commands = site.installer.commands;
      await rotateWatched(site, authority, watch);
      const length = site.installer.commands - commands;
      // A second rotation, killed in each of its phases.
      for (const share of [0.25, 0.55, 0.5]) {
        site.installer.death = { at: site.installer.commands + Math.round(share * length), carriedOut: true };
        expect(await outcomeOf(rotateWatched(site, authority, watch))).not.toBe('done');
        site.installer.death = undefined;
      }
      await rotateWatched(site, authority, watch);
      const { exchanges, failures } = await watch.tryAll();
      expect(failures).toEqual([]);
      expect(exchanges).toBeGreaterThan(30);
      // Whoever still has the certificate or the trust from before is refused, or the exchanges above would prove nothing.
      const concerned = ways.flatMap((way, index) =>
        (authority === 'vault') === way.what.includes('store') ? [{ way, old: before[index] }] : [],
      );
      expect(concerned.length).toBeGreaterThan(0);
      for (const { way, old = { server: {}, client: {} } } of concerned) {
        const [server, client] = [filesOf(site, way.server), filesOf(site, way.client)];
        expect(await exchange(old.server, client, way.name), way.what).toContain('certificate');
        expect(await exchange(server, old.client, way.name), way.what).toBeDefined();
      }
    },
    240_000,
  );
});

describe('a rotation that is killed', () => {
  it('at any of its commands goes on in its phase when it is run again, and ends as one that was not', async () => {
    const site = await installed();
    const layout = seedLayout(site.seedRoot);
    const start = site.installer.commands;
    await rotateAuthority(site.options, 'vault', async () => true);
    const length = site.installer.commands - start;
    const points = 13;
    const phasesAtDeath = new Set<string>();
    for (let point = 0; point < points; point += 1) {
      const at = 1 + Math.floor((point * length) / points);
      const where = `killed at command ${at} of ${length}`;
      const { issuer: before } = await readGenerations(layout, 'vault');
      site.installer.death = { at: site.installer.commands + at, carriedOut: point % 2 === 1 };
      expect(await outcomeOf(rotateAuthority(site.options, 'vault', async () => true)), where).not.toBe('done');
      site.installer.death = undefined;
      const killed = await readGenerations(layout, 'vault');
      phasesAtDeath.add(Object.keys(killed).join(' '));
      const phases: string[] = [];
      await rotateAuthority(site.options, 'vault', async ({ notes }) => {
        phases.push(...notes.map((note) => note.slice(0, 7)));
        return true;
      });
      const first = killed.retired === undefined ? (killed.before === undefined ? 1 : 2) : 3;
      expect(phases, where).toEqual(['Phase 1', 'Phase 2', 'Phase 3'].slice(first - 1));
      expect(await readGenerations(layout, 'vault'), where).toEqual({ issuer: before + 1 });
      if (point % 4 === 0) expect((await install(site.options, async () => true)).changed, where).toBe(0);
    }
    expect([...phasesAtDeath].sort()).toEqual(['issuer', 'issuer before', 'issuer next', 'issuer retired']);
  }, 400_000);
});
