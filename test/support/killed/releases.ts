import { changeNode, reset, rollback, tryLogin, upgrade, type NodeChange } from '../../../src/usecases/index.ts';
import { DATABASE_NODES } from '../database-sites.ts';
import { hardSite, type HardSite } from '../hard-cases.ts';
import { lockMachine } from '../locked-machine.ts';
import { inventory } from '../model/checks.ts';
import type { SampleNode } from '../sample-install.ts';
import { yes, type KilledOperation, type ReadySite } from './killed-operation.ts';

/** Another host with the application. */
export const N3: SampleNode = { name: 'n3', address: '10.0.0.13', roles: ['front'] };
const NODES: readonly SampleNode[] = [...DATABASE_NODES, N3];
const PASSWORD = 'correct horse battery';

const ADD: NodeChange = { what: 'add', node: N3 };

interface OfDatabase {
  readonly name: string;
  /** Nodes of the first install; all machines by default. */
  readonly declared?: readonly SampleNode[];
  /** Brings the installed site to the moment before the operation. */
  readonly prepare?: (site: HardSite, newer: string) => Promise<unknown>;
  readonly run: (site: HardSite, newer: string) => Promise<unknown>;
  readonly again?: (site: HardSite) => Promise<{ readonly changed: number }>;
}

/** An operation of a site with a database, whose older release is installed. */
function ofDatabase({ name, declared = NODES, prepare, run, again = (site) => site.run() }: OfDatabase): KilledOperation {
  return {
    name,
    ready: async (own, bundles) => {
      const [older, newer] = [await bundles('older'), await bundles('newer')];
      const site = await hardSite(own, older, NODES);
      await site.declare(declared);
      await site.run();
      await prepare?.(site, newer);
      return { site, run: () => run(site, newer), again: () => again(site), facts: () => factsOf(site) };
    },
  };
}

/** Killed between an action and the note of it, a run does the action again where it has no probe. */
function factsOf({ platform }: HardSite): unknown {
  return { migrations: [...new Set(platform.migrations)], initialised: platform.initialised };
}

const upgraded = (site: HardSite, newer: string): Promise<unknown> => upgrade({ ...site.options, bundlePaths: [newer] }, yes);

/** Adds n3, which lets root in by a password that is used once. As the command does, it tries the login first. */
async function addByPassword(site: HardSite): Promise<unknown> {
  const machines = lockMachine(site, { name: 'n3', user: 'root', takes: ({ password }) => password === PASSWORD });
  const options = { ...site.options, machines };
  const change: NodeChange = { what: 'add', node: N3, login: { password: PASSWORD } };
  await tryLogin(options, change);
  return changeNode(options, change, yes);
}

const roles = (more: readonly string[]): NodeChange => ({ what: 'roles', name: 'n2', roles: ['front', ...more] });

async function bareSite(own: string, bundle: string): Promise<ReadySite> {
  const site = await hardSite(own, bundle, NODES);
  return { site, run: () => site.run(), again: () => site.run() };
}

/** A site that goes from its hosts, which have then what they had before the first install. */
async function leavingSite(own: string, bundle: string): Promise<ReadySite> {
  const site = await hardSite(own, bundle, NODES);
  const inventories = (): unknown => site.machines.map((machine) => [...inventory(machine)].sort());
  const bare = JSON.stringify(inventories());
  await site.run();
  const run = (): Promise<unknown> => reset({ ...site.options, purge: true }, yes);
  return { site, run, again: async () => ({ changed: Number(JSON.stringify(inventories()) !== bare) }), facts: inventories };
}

export const OF_RELEASES: readonly KilledOperation[] = [
  { name: 'install', ready: async (own, bundles) => bareSite(own, await bundles('older')) },
  ofDatabase({ name: 'upgrade', prepare: (site, newer) => site.take(newer), run: upgraded }),
  ofDatabase({
    name: 'rollback',
    prepare: async (site, newer) => {
      await site.take(newer);
      await upgraded(site, newer);
    },
    run: (site) => rollback({ ...site.options, bundlePaths: undefined }, yes),
    again: (site) => site.install({ bundlePaths: undefined }),
  }),
  ofDatabase({ name: 'addition of a node', declared: DATABASE_NODES, run: (site) => changeNode(site.options, ADD, yes) }),
  ofDatabase({ name: 'addition of a node by a password', declared: DATABASE_NODES, run: addByPassword }),
  ofDatabase({
    name: 'removal of a node',
    run: (site) => changeNode({ ...site.options, purge: true }, { what: 'remove', name: 'n3' }, yes),
  }),
  ofDatabase({
    name: 'removal of a node by an edit',
    prepare: (site) => site.declare(DATABASE_NODES),
    run: (site) => site.run({ purge: true }),
  }),
  ofDatabase({
    name: 'replacement of a node',
    prepare: async (site) => site.replaceMachine('n3', '10.0.0.99'),
    run: (site) => changeNode(site.options, { what: 'replace', name: 'n3', address: '10.0.0.99' }, yes),
  }),
  ofDatabase({ name: 'addition of a role', run: (site) => changeNode(site.options, roles(['control', 'work']), yes) }),
  ofDatabase({
    name: 'removal of a role',
    prepare: (site) => changeNode(site.options, roles(['control', 'work']), yes),
    run: (site) => changeNode({ ...site.options, purge: true }, roles([]), yes),
  }),
  { name: 'reset', ready: async (own, bundles) => leavingSite(own, await bundles('older')) },
];
