import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { inventory } from '../support/model/checks.ts';
import type { Ended } from '../support/run-caisson.ts';
import type { SimulatedMachine } from '../support/simulated-machine.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useGuideSites, type GuideSite, type GuideSites } from './guide-site.ts';

/** A command of the guide, what happens before it, and what it must have done. */
export interface Step {
  /** The command as the guide has it, without its comment. */
  readonly command: string;
  readonly before?: (site: GuideSite) => Promise<void>;
  /** Files and names that stand for words of the command. */
  readonly names?: (site: GuideSite) => Readonly<Record<string, string>>;
  /** What is typed where a secret is asked for. */
  readonly secret?: string;
  readonly check: (site: GuideSite, ended: Ended) => void | Promise<void>;
}

/** Commands of a section of the guide, which run one after the other on one site. */
export interface Scenario {
  readonly section: string;
  readonly open: (sites: GuideSites) => Promise<GuideSite>;
  readonly steps: readonly Step[];
}

/** Runs each scenario as a test: every command asks and gets a yes, ends with status 0, and did what its check says. */
export function describeScenarios(scenarios: readonly Scenario[]): void {
  const sites = useGuideSites(useTempDir());
  it.each(scenarios)(
    '$section',
    async ({ open, steps }) => {
      const site = await open(sites);
      for (const { command, before, names, secret, check } of steps) {
        await before?.(site);
        const ended = await site.run(command, { names: names?.(site) ?? {}, ...(secret === undefined ? {} : { secret }) });
        expect(ended.status, `${command}\n${ended.err}`).toBe(0);
        await check(site, ended);
      }
    },
    120_000,
  );
}

/** Runs a command that another scenario checks, to bring a site into a state. */
export async function prepare(site: GuideSite, command: string): Promise<void> {
  const { status, err } = await site.run(command);
  expect(status, `${command}\n${err}`).toBe(0);
}

/** Checks that the command said a text. */
export function says(text: string): Step['check'] {
  return (_site, { out }) => expect(out).toContain(text);
}

export function runs({ units }: SimulatedMachine, service: string): boolean {
  return units.get(`${service}.service`)?.started !== undefined;
}

/** Things on a machine that a cluster brought. */
export function leftOn(machine: SimulatedMachine): readonly string[] {
  return [...inventory(machine)].filter((thing) => /caisson|rainbond|docker|goodrain|grctl/.test(thing)).sort();
}

/** The password of the database that the seed keeps. */
export function keptPassword({ site }: GuideSite): Promise<string> {
  return readFile(join(seedLayout(site.seedRoot).secrets, 'db-root'), 'utf8');
}
