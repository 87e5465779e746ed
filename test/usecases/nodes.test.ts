import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changeNode, declareNode, install, listNodes, planNodeChange, type NodeChange } from '../../src/usecases/index.ts';
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
async function installed(): Promise<SimulatedSite> {
  const site = await samples.open();
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

  it('goes on after a kill although cluster.yaml has it no more, and is refused when nobody knows it', async () => {
    const site = await installed();
    await changeNode(bare(site), ADD_F2, yes);
    site.installer.death = { at: site.installer.commands + 75, carriedOut: false };
    await failureOf(changeNode(bare(site), REMOVE_F2, yes));
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
