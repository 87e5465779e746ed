import { chmod, lstat, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changeNode, declareNode, install, listNodes, planNodeChange, type NodeChange } from '../../src/usecases/index.ts';
import { seedLayout, type SiteRecord } from '../../src/site/index.ts';
import { failureOf } from '../support/hard-cases.ts';
import { inventory } from '../support/model/checks.ts';
import { THREE_NODES } from '../support/sample-install.ts';
import { type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);

const yes = async (): Promise<boolean> => true;
const [M1, F1, F2] = THREE_NODES;
const ADD_F2: NodeChange = { what: 'add', node: { name: 'f2', address: F2?.address ?? '', roles: F2?.roles ?? [] } };
const REMOVE_F2: NodeChange = { what: 'remove', name: 'f2' };

/** Three machines, of which the site has the first two. */
async function installed(nodes = THREE_NODES): Promise<SimulatedSite> {
  const site = await samples.open({ nodes });
  const text = await clusterOf(site);
  await writeFile(site.options.clusterPath, `# Hall 3.\n${text.replace(/^.*name: f2.*\n/m, '')}`);
  expect(await clusterOf(site)).not.toContain('f2');
  await site.install();
  return site;
}

function clusterOf({ options }: SimulatedSite): Promise<string> {
  return readFile(options.clusterPath, 'utf8');
}

/** The site's own bundle and cluster.yaml are used. */
function bare({ options }: SimulatedSite) {
  return { ...options, bundlePaths: undefined, clusterPath: undefined };
}

async function statesOf(site: SimulatedSite): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries((await listNodes(bare(site))).nodes.map(({ name, state }) => [name, state]));
}

describe('a node that is added', () => {
  it('is in cluster.yaml, beside what was there, and installed', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    expect((await planNodeChange(bare(site), ADD_F2)).plan.steps.some(({ host }) => host === 'f2')).toBe(true);
    expect(await clusterOf(site)).toBe(before);
    await changeNode(bare(site), ADD_F2, yes);
    const after = await clusterOf(site);
    expect(after.split('\n').filter((line) => !line.includes('name: f2'))).toEqual(before.split('\n'));
    expect(site.machine('f2').units.get('web.service')?.started).toBeDefined();
    expect(await statesOf(site)).toEqual({ m1: 'installed', f1: 'installed', f2: 'installed' });
    expect((await install(bare(site), yes)).changed).toBe(0);
    expect((await changeNode(bare(site), ADD_F2, yes)).changed).toBe(0);
  });

  it('is not written when the plan is not approved, nor over what somebody else wrote meanwhile', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    expect((await failureOf(changeNode(bare(site), ADD_F2, async () => false))).error).toMatchObject({ code: 'INTERRUPTED' });
    expect(await clusterOf(site)).toBe(before);
    const meddle = async (): Promise<boolean> => {
      await writeFile(site.options.clusterPath, `${before}# mine\n`);
      return true;
    };
    expect((await failureOf(changeNode(bare(site), ADD_F2, meddle))).error).toMatchObject({ code: 'INPUT_CHANGED', exitStatus: 3 });
    expect(await clusterOf(site)).toBe(`${before}# mine\n`);
    expect(inventory(site.machine('f2')).has('file /etc/caisson/site.json')).toBe(false);
  });

  it('goes on with the same command, or an install, when it was killed', async () => {
    for (const share of [0.5, 0.8]) {
      const site = await installed();
      site.installer.death = { at: site.installer.commands + Math.round(share * 200), carriedOut: false };
      await failureOf(changeNode(bare(site), ADD_F2, yes));
      site.installer.death = undefined;
      expect(await clusterOf(site)).toContain('name: f2');
      await (share < 0.7 ? changeNode(bare(site), ADD_F2, yes) : install(bare(site), yes));
      expect(await statesOf(site)).toMatchObject({ f2: 'installed' });
      await site.end();
      await rm(join(directory(), 'seed'), { recursive: true, force: true });
    }
  }, 60_000);

  it('keeps the mode of cluster.yaml', async () => {
    const site = await installed();
    await chmod(site.options.clusterPath, 0o600);
    await changeNode(bare(site), ADD_F2, yes);
    expect((await stat(site.options.clusterPath)).mode & 0o777).toBe(0o600);
  });

  it('is written where a link leads to', async () => {
    const site = await installed();
    const real = `${site.options.clusterPath}.real`;
    await rename(site.options.clusterPath, real);
    await symlink(real, site.options.clusterPath);
    await changeNode(bare(site), ADD_F2, yes);
    expect((await lstat(site.options.clusterPath)).isSymbolicLink()).toBe(true);
    expect(await readFile(real, 'utf8')).toContain('name: f2');
  });

  it('is not written while another run is under way', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    const during = async (): Promise<boolean> => {
      expect((await failureOf(declareNode(bare(site), ADD_F2))).error).toMatchObject({ code: 'INSTALL_LOCKED' });
      return false;
    };
    expect(
      (await failureOf(changeNode(bare(site), { what: 'roles', name: 'm1', roles: ['manage', 'front'] }, during))).error,
    ).toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(await clusterOf(site)).toBe(before);
  });
});

describe('a seed that is a node no more', () => {
  async function besideCluster(): Promise<SimulatedSite> {
    const [first, second, third] = THREE_NODES;
    const nodes = [
      { name: 'f2', address: first?.address ?? '', roles: ['front'] },
      { name: 'm1', address: second?.address ?? '', roles: ['manage'] },
      { name: 'f1', address: third?.address ?? '', roles: ['front'] },
    ];
    const site = await samples.open({ nodes });
    await site.install();
    await changeNode(bare(site), REMOVE_F2, yes);
    return site;
  }

  it('keeps its name, and nothing says that it leaves', async () => {
    const site = await besideCluster();
    expect(await statesOf(site)).toEqual({ m1: 'installed', f1: 'installed' });
    expect((await install(bare(site), yes)).changed).toBe(0);
    const record = JSON.parse(await readFile(seedLayout(site.seedRoot).record, 'utf8')) as SiteRecord;
    expect(record).toMatchObject({ seed: 'f2', hosts: { f2: { address: '10.0.0.11', roles: [] } } });
  });

  it('is known by its own record when that of the site is lost', async () => {
    const site = await besideCluster();
    await rm(seedLayout(site.seedRoot).record);
    expect((await install({ ...site.options }, yes)).changed).toBe(0);
    expect(await statesOf(site)).toEqual({ m1: 'installed', f1: 'installed' });
  });

  it('becomes a node again', async () => {
    const site = await besideCluster();
    const again: NodeChange = { what: 'add', node: { name: 'f2', address: '10.0.0.11', roles: ['front'] } };
    await changeNode(bare(site), again, yes);
    expect(await statesOf(site)).toEqual({ m1: 'installed', f1: 'installed', f2: 'installed' });
    expect(site.machine('f2').units.get('web.service')?.started).toBeDefined();
  });
});

describe('a node that is only declared', () => {
  it('is checked against the manifests, written, and installed by the next install', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    const wrong: NodeChange = { what: 'add', node: { name: 'f2', address: F2?.address ?? '', roles: ['nonsense'] } };
    expect((await failureOf(declareNode(bare(site), wrong))).message).toMatch(/nonsense/);
    expect(await clusterOf(site)).toBe(before);
    expect(await declareNode(bare(site), ADD_F2)).toBe(site.options.clusterPath);
    expect(await statesOf(site)).toEqual({ m1: 'installed', f1: 'installed', f2: 'not installed' });
    await install(bare(site), yes);
    expect(await statesOf(site)).toMatchObject({ f2: 'installed' });
  });
});

describe('a node that is removed', () => {
  it('leaves its host as it was', async () => {
    const site = await installed();
    const untouched = [...inventory(site.machine('f2'))].sort();
    const before = await clusterOf(site);
    await changeNode(bare(site), ADD_F2, yes);
    await changeNode({ ...bare(site), purge: true }, REMOVE_F2, yes);
    expect([...inventory(site.machine('f2'))].sort()).toEqual(untouched);
    expect(await clusterOf(site)).toBe(before);
    expect(await statesOf(site)).toEqual({ m1: 'installed', f1: 'installed' });
  });

  it('is refused in the words of the schema and of the topology when the cluster needs it', async () => {
    const site = await installed();
    const before = await clusterOf(site);
    const seed = await failureOf(changeNode(bare(site), { what: 'remove', name: 'm1' }, yes));
    expect(seed.message).toContain('"web" needs "store", which no host runs (give a host the role "manage")');
    await changeNode(bare(site), { what: 'remove', name: 'f1' }, yes);
    const last = await failureOf(changeNode(bare(site), { what: 'remove', name: 'm1' }, yes));
    expect(last.error).toMatchObject({ code: 'INPUT_INVALID' });
    expect(last.message).toMatch(/nodes: is empty, want at least one entry/);
    expect(await clusterOf(site)).toBe(before.replace(/^.*name: f1.*\n/m, ''));
  });

  it('goes on after a kill although cluster.yaml has it no more, and is refused when nobody knows it', async () => {
    const site = await installed();
    await changeNode(bare(site), ADD_F2, yes);
    const emit = site.installer.dyingAfter((step) => step.endsWith('/claim'));
    await failureOf(changeNode({ ...bare(site), emit }, REMOVE_F2, yes));
    site.installer.death = undefined;
    expect(await statesOf(site)).toMatchObject({ f2: 'leaves' });
    await changeNode(bare(site), REMOVE_F2, yes);
    expect(await statesOf(site)).toEqual({ m1: 'installed', f1: 'installed' });
    const { error, message } = await failureOf(changeNode(bare(site), REMOVE_F2, yes));
    expect(error).toMatchObject({ code: 'USAGE' });
    expect(message).toContain('neither');
  });
});

describe('roles of a node', () => {
  it('are set: what a new role needs comes, what no role needs goes', async () => {
    const site = await installed();
    await changeNode(bare(site), ADD_F2, yes);
    expect(M1?.roles).toContain('manage');
    await changeNode(bare(site), { what: 'roles', name: 'm1', roles: ['manage', 'front'] }, yes);
    expect(site.machine('m1').units.get('web.service')?.started).toBeDefined();
    await changeNode(bare(site), { what: 'roles', name: 'm1', roles: M1?.roles ?? [] }, yes);
    expect(site.machine('m1').units.get('web.service')).toBeUndefined();
    expect((await install(bare(site), yes)).changed).toBe(0);
  });

  it('show in the list before they are installed', async () => {
    const site = await installed();
    await declareNode(bare(site), { what: 'roles', name: 'm1', roles: ['manage', 'front'] });
    const { nodes } = await listNodes(bare(site));
    expect(nodes).toContainEqual(expect.objectContaining({ name: 'm1', state: 'roles change', before: 'manage' }));
    expect(nodes).toContainEqual(expect.objectContaining({ name: 'f1', state: 'installed', address: F1?.address }));
  });
});

describe('the list of nodes', () => {
  it('is that of the record, with the reason, where cluster.yaml cannot be read', async () => {
    const site = await installed();
    await writeFile(site.options.clusterPath, 'nodes: [');
    const broken = await listNodes(bare(site));
    expect(broken.nodes.map(({ name }) => name)).toEqual(['m1', 'f1']);
    expect(broken.problem).toContain('cluster.yaml');
    await rm(site.options.clusterPath);
    expect((await listNodes(bare(site))).problem).toContain('cluster.yaml');
  });
});

describe('a machine that takes the place of a lost one', () => {
  /** A site, and a bare machine at another address that is reached under the name of one of its nodes. */
  async function withSpare(name: string, address: string, nodes = THREE_NODES) {
    const site = await installed(nodes);
    const own = join(directory(), 'spare');
    await mkdir(own);
    const other = await samples.open({
      directory: own,
      nodes: THREE_NODES.map((node) => (node.name === name ? { ...node, address } : node)),
    });
    const spare = other.machine(name);
    const { machines } = site.options;
    if (machines === undefined) throw new Error('the machines are not simulated');
    const connect: typeof machines.connect = async (node, ...rest) =>
      node.name === name && node.address === address ? spare : machines.connect(node, ...rest);
    return { site, spare, options: { ...bare(site), machines: { ...machines, connect } } };
  }

  it('gets all that the other had, and the others are told of its address', async () => {
    const { site, spare, options } = await withSpare('f1', '10.0.0.99');
    const change: NodeChange = { what: 'replace', name: 'f1', address: '10.0.0.99' };
    const planned = await planNodeChange(options, change);
    expect(planned.notes).toEqual([
      'Another machine takes the place of f1: 10.0.0.99 instead of 10.0.0.12, which is not asked and must not come back',
    ]);
    expect(planned.plan.changes.filter((one) => one.action === 'remove')).toEqual([]);
    const lost = [...inventory(site.machine('f1'))];
    await changeNode(options, change, yes);
    expect([...inventory(site.machine('f1'))]).toEqual(lost);
    expect(spare.units.get('web.service')?.started).toBeDefined();
    expect(site.machine('m1').files.get('/etc/hosts')?.content.toString()).toContain('10.0.0.99 f1');
    expect(await statesOf(site)).toEqual({ m1: 'installed', f1: 'installed' });
    expect((await changeNode(options, change, yes)).changed).toBe(0);
  });

  it('is the same when the address is edited by hand, and goes on after a kill', async () => {
    const { site, spare, options } = await withSpare('f1', '10.0.0.99');
    await writeFile(site.options.clusterPath, (await clusterOf(site)).replace('10.0.0.12', '10.0.0.99'));
    const run = spare.run.bind(spare);
    spare.run = async (command, ...rest) => {
      if (command.argv[1] === 'pull') throw new Error('the power is gone');
      return run(command, ...rest);
    };
    expect((await failureOf(install(options, yes))).message).toContain('the power is gone');
    expect(inventory(spare).has('file /etc/caisson/site.json')).toBe(true);
    spare.run = run;
    await install(options, yes);
    expect(spare.units.get('web.service')?.started).toBeDefined();
    expect((await install(options, yes)).changed).toBe(0);
  });

  it('is refused without --purge where the lost one alone had data, and begins anew with it', async () => {
    const order = [...THREE_NODES].sort((left, right) => left.name.localeCompare(right.name));
    const { site, spare, options } = await withSpare('m1', '10.0.0.99', order);
    const change: NodeChange = { what: 'replace', name: 'm1', address: '10.0.0.99' };
    const before = await clusterOf(site);
    const refused = await failureOf(changeNode(options, change, yes));
    expect(refused.error).toMatchObject({ code: 'SITE_CONFLICT' });
    expect(refused.message).toContain('m1: the machine at 10.0.0.99 is another than that at 10.0.0.11, on which alone store had its data');
    expect(await clusterOf(site)).toBe(before);
    const purging = { ...options, purge: true };
    const { notes } = await planNodeChange(purging, change);
    expect(notes).toContain('Is lost with the former machine of m1: the data of store in /opt/sample/data');
    await changeNode(purging, change, yes);
    expect(spare.units.get('store.service')?.started).toBeDefined();
    expect((await install(options, yes)).changed).toBe(0);
  });
});
