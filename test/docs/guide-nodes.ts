import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { FirstLogin } from '../../src/ssh/index.ts';
import { lockMachine } from '../support/locked-machine.ts';
import { simulatedSite } from '../support/simulated-site.ts';
import { makeKey } from '../support/ssh-server.ts';
import { leftOn, prepare, runs, says, type Scenario, type Step } from './guide-scenario.ts';
import { NODES, type GuideSite } from './guide-site.ts';

const { m1, g1, c1, c2 } = NODES;
const ADD = 'caisson node add c2 --iip 10.0.0.14 --role compute';
const REMOVE = 'caisson node remove c2';
const DATA = '/opt/rainbond/data/dns';
const KEPT = [...['/opt/rainbond', '/opt/rainbond/data', DATA].map((path) => `directory ${path}`), `file ${DATA}/zone`];
const KEYS = '/root/.ssh/authorized_keys';

const isInstalled: Step['check'] = async (site) => {
  expect(await site.cluster()).toContain('name: c2, address: 10.0.0.14, roles: [compute]');
  expect(runs(site.machine('c2'), 'rbd-dns')).toBe(true);
};
const isRemoved: Step['check'] = async (site) => {
  expect(await site.cluster()).not.toContain('c2');
  expect(leftOn(site.machine('c2'))).toEqual([]);
};

/** What the commands of other sections bring about, too. */
async function add(site: GuideSite): Promise<void> {
  await prepare(site, `${ADD} --install`);
}

/** Has another machine, which nothing is installed on, answer as c2 at an address. */
async function spare(site: GuideSite, address: string): Promise<void> {
  const directory = join(site.directory, address);
  await mkdir(directory);
  const other = await simulatedSite({ directory, bundle: site.site.options.bundlePaths[0] ?? '', nodes: [m1, { ...c2, address }] });
  // The programs and images of the platform are on it as on the other machines.
  const [made, former] = [other.machine('c2'), site.site.machine('c2')];
  for (const [name, program] of former.programs) made.programs.set(name, program);
  for (const [name, content] of former.members) made.members.set(name, content);
  const { machines } = site;
  site.machines = {
    ...machines,
    connect: async (node, ...rest) => (node.name === 'c2' && node.address === address ? made : machines.connect(node, ...rest)),
  };
}

/** Has c2 let root in by its password, by a key of the operator, and by the keys in authorized_keys, and by nothing else. */
async function lockedUp(site: GuideSite): Promise<void> {
  const { private: key } = makeKey('ed25519');
  await writeFile(site.file('password'), 'correct horse\n', { mode: 0o600 });
  await writeFile(site.file('id_ed25519'), key, { mode: 0o600 });
  const takes = ({ password, identity }: FirstLogin): boolean => password === 'correct horse' || identity !== undefined;
  site.machines = lockMachine(site.site, { name: 'c2', user: 'root', takes });
}

const hasSiteKey: Step['check'] = async (site) => {
  expect(await site.cluster()).toMatch(/name: c2, .*login\/site\.key/);
  expect(site.machine('c2').text(KEYS)).toContain('# BEGIN caisson\n');
};

async function away(site: GuideSite): Promise<void> {
  await prepare(site, 'caisson node install c2');
  await prepare(site, `${REMOVE} --purge`);
  expect(site.machine('c2').text(KEYS)).toBe('');
}

export const NODE_SCENARIOS: readonly Scenario[] = [
  {
    section: 'Nodes',
    open: (sites) => sites.installed([m1, g1, c1, c2], ['c2']),
    steps: [
      { command: 'caisson node list', check: says('m1    10.0.0.11  manage') },
      { command: 'grctl node list', check: says('m1    10.0.0.11  manage') },
      { command: `${ADD} --install`, check: isInstalled },
      { command: 'caisson node get c2', check: says('Address: 10.0.0.14') },
      {
        command: 'caisson node roles c2 --role compute,gateway',
        check: (site) => expect(runs(site.machine('c2'), 'rbd-gateway')).toBe(true),
      },
      {
        before: async (site) => site.machine('c2').write(`${DATA}/zone`, 'data', 0o600),
        command: REMOVE,
        check: async (site) => {
          expect(await site.cluster()).not.toContain('c2');
          expect(leftOn(site.machine('c2'))).toEqual(KEPT);
        },
      },
      {
        // Data that a removal kept are not of the cluster that the node joins later.
        before: async (site) => {
          await site.machine('c2').run({ argv: ['rm', '-rf', '/opt/rainbond'] });
        },
        command: ADD,
        check: async (site) => expect(await site.cluster()).toContain('c2'),
      },
      { command: 'caisson node install c2', check: isInstalled },
      { command: `${REMOVE} --purge`, check: isRemoved },
      {
        before: async (site) => {
          await add(site);
          site.unreachable.push('c2');
        },
        command: `${REMOVE} --forget c2`,
        check: async (site) => expect(await site.cluster()).not.toContain('c2'),
      },
      {
        before: async (site) => {
          site.unreachable.splice(0);
          await spare(site, '10.0.0.14');
          await add(site);
          await spare(site, '10.0.0.15');
        },
        command: 'caisson node replace c2 --iip 10.0.0.15',
        check: async (site) => {
          expect(await site.cluster()).toContain('{ name: c2, address: 10.0.0.15, roles: [compute] }');
          expect(site.machine('m1').text('/etc/hosts')).toContain('10.0.0.15 c2');
        },
      },
    ],
  },
  {
    section: 'Nodes: a login that is used once',
    open: async (sites) => {
      const site = await sites.installed([m1, g1, c1, c2], ['c2']);
      await lockedUp(site);
      return site;
    },
    steps: [
      { command: `${ADD} --root-pass`, secret: 'correct horse', check: hasSiteKey },
      {
        before: away,
        command: `${ADD} --root-pass-file FILE`,
        names: (site) => ({ FILE: site.file('password') }),
        check: hasSiteKey,
      },
      {
        before: away,
        command: `${ADD} --private-key FILE --install`,
        names: (site) => ({ FILE: site.file('id_ed25519') }),
        check: async (site, ended) => {
          await hasSiteKey(site, ended);
          expect(runs(site.machine('c2'), 'rbd-dns')).toBe(true);
        },
      },
    ],
  },
  {
    section: 'Keep work away from a node',
    open: (sites) => sites.installed([m1, g1, c1, c2]),
    steps: [
      { command: 'caisson node cordon c2', check: ({ platform }) => expect([...platform.cordoned]).toEqual(['c2']) },
      { command: 'caisson node uncordon c2', check: ({ platform }) => expect([...platform.cordoned]).toEqual([]) },
      {
        before: async (site) => {
          await prepare(site, 'caisson node cordon c1');
          expect(await site.run('caisson node cordon c2')).toMatchObject({ status: 6, err: expect.stringContaining('--force') });
        },
        command: 'caisson node cordon c2 --force',
        check: ({ platform }) => expect([...platform.cordoned]).toEqual(['c1', 'c2']),
      },
    ],
  },
];
