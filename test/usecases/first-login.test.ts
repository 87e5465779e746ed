import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HostKeyUnknownError } from '../../src/ssh/index.ts';
import { loginKeyPaths, seedLayout, type Machines } from '../../src/site/index.ts';
import { changeNode, declareNode, install, planNodeChange, tryLogin, type NodeChange } from '../../src/usecases/index.ts';
import { failureOf } from '../support/hard-cases.ts';
import { lockMachine } from '../support/locked-machine.ts';
import { inventory } from '../support/model/checks.ts';
import { THREE_NODES } from '../support/sample-install.ts';
import { outcomeOf, type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);

const yes = async (): Promise<boolean> => true;
const PASSWORD = 'correct horse battery';
const KEYS = '/home/deploy/.ssh/authorized_keys';
const F2 = { name: 'f2', address: THREE_NODES[2]?.address ?? '', roles: ['front'], ssh: { user: 'deploy' } };
const ADD: NodeChange = { what: 'add', node: F2, login: { password: PASSWORD } };

/** A site without f2, on which f2 takes the password, and the key of the site where that may log in. */
async function installed() {
  const site = await samples.open();
  const text = await clusterOf(site);
  await writeFile(site.options.clusterPath, text.replace(/^.*name: f2.*\n/m, ''));
  await site.install();
  const keys = loginKeyPaths(seedLayout(site.seedRoot));
  const machines = lockMachine(site, { name: 'f2', user: 'deploy', takes: ({ password }) => password === PASSWORD });
  const options = { ...site.options, bundlePaths: undefined, clusterPath: undefined, machines };
  return { site, options, keys };
}

function clusterOf({ options }: SimulatedSite): Promise<string> {
  return readFile(options.clusterPath, 'utf8');
}

/** Every file of the seed and of all machines, as one text. */
async function everything(site: SimulatedSite): Promise<string> {
  const entries = await readdir(directory(), { recursive: true, withFileTypes: true });
  const own = entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1'));
  const theirs = site.machines.flatMap(({ files, lines }) => [
    ...[...files.values()].map(({ content }) => content.toString('latin1')),
    ...lines,
  ]);
  return [...(await Promise.all(own)), ...theirs, JSON.stringify(site.events)].join('\n');
}

describe('a node that is added by a password', () => {
  it('is logged in to by the key of the site from then on, and the password is nowhere', async () => {
    const { site, options, keys } = await installed();
    const bare = [...inventory(site.machine('f2'))].sort();
    const planned = await planNodeChange(options, ADD);
    expect(
      planned.plan.changes.map((change) => ('resource' in change ? `${change.resource?.host} ${change.resource?.kind}` : '')),
    ).toContain('f2 login-key');
    expect([...inventory(site.machine('f2'))].sort()).toEqual(bare);
    await changeNode(options, ADD, yes);
    expect(await clusterOf(site)).toContain(`ssh: { user: deploy, identityFile: ${keys.private} }`);
    expect((await stat(keys.private)).mode & 0o777).toBe(0o600);
    expect(site.machine('f2').text(KEYS)).toMatch(/^# BEGIN caisson\nssh-ed25519 \S+ caisson sample\n# END caisson\n$/);
    expect((await install(options, yes)).changed).toBe(0);
    expect(await everything(site)).not.toContain(PASSWORD);
    await changeNode(options, { what: 'remove', name: 'f2' }, yes);
    expect([...inventory(site.machine('f2'))].sort()).toEqual(bare);
  });

  it('gets the key, and nothing else, when it is only declared', async () => {
    const { site, options } = await installed();
    const bare = inventory(site.machine('f2'));
    await declareNode(options, ADD);
    const more = [...inventory(site.machine('f2'))].filter((thing) => !bare.has(thing));
    expect(more).toEqual(expect.arrayContaining([`file ${KEYS}`]));
    expect(more.filter((thing) => thing.startsWith('file '))).toEqual([`file ${KEYS}`]);
    await install(options, yes);
    await changeNode(options, { what: 'remove', name: 'f2' }, yes);
    expect([...inventory(site.machine('f2'))].sort()).toEqual([...bare].sort());
  });

  it('loses the key when it is removed before anything was installed, and is forgotten where it does not answer', async () => {
    const { site, options } = await installed();
    const bare = [...inventory(site.machine('f2'))].sort();
    for (const remove of [changeNode, declareNode]) {
      await declareNode(options, ADD);
      await remove(options, { what: 'remove', name: 'f2' }, yes);
      expect([...inventory(site.machine('f2'))].sort()).toEqual(bare);
      expect(await clusterOf(site)).not.toContain('f2');
    }
    await declareNode(options, ADD);
    site.machine('f2').files.delete(KEYS);
    await expect(declareNode(options, { what: 'remove', name: 'f2' })).rejects.toMatchObject({
      code: 'HOSTS_UNFIT',
      hint: expect.stringContaining('caisson node remove f2 --forget f2'),
    });
    expect(await clusterOf(site)).toContain('f2');
    await changeNode({ ...options, forget: ['f2'] }, { what: 'remove', name: 'f2' }, yes);
    expect(await clusterOf(site)).not.toContain('f2');
  });

  it('gets nothing when the plan is not approved or the password is wrong', async () => {
    const { site, options } = await installed();
    const before = await clusterOf(site);
    const bare = inventory(site.machine('f2'));
    await failureOf(changeNode(options, ADD, async () => false));
    const wrong: NodeChange = { what: 'add', node: F2, login: { password: 'wrong' } };
    expect((await failureOf(tryLogin(options, wrong))).message).toContain('f2 lets nobody in');
    expect((await failureOf(declareNode(options, wrong))).message).toContain('f2 lets nobody in');
    expect(inventory(site.machine('f2'))).toEqual(bare);
    expect(await clusterOf(site)).toBe(before);
  });

  it('goes on with an install where cluster.yaml has it, and with the same command where it has not, after a kill', async () => {
    const counted = await installed();
    const start = counted.site.installer.commands;
    let approved = start;
    const count = async (): Promise<boolean> => {
      approved = counted.site.installer.commands;
      return true;
    };
    await changeNode(counted.options, ADD, count);
    await counted.site.end();
    await rm(join(directory(), 'seed'), { recursive: true, force: true });
    for (const after of [1, 2, 3, 4, 6, 12]) {
      const { site, options } = await installed();
      site.installer.death = { at: site.installer.commands + (approved - start) + after, carriedOut: after % 2 === 0 };
      await failureOf(changeNode(options, ADD, yes));
      site.installer.death = undefined;
      await ((await clusterOf(site)).includes('f2') ? install(options, yes) : changeNode(options, ADD, yes));
      expect(site.machine('f2').units.get('web.service')?.started, `killed at command ${after}`).toBeDefined();
      await site.end();
      await rm(join(directory(), 'seed'), { recursive: true, force: true });
    }
  }, 120_000);

  it('lets the host go, whichever of the last commands of the removal it is killed at', async () => {
    const remove: NodeChange = { what: 'remove', name: 'f2' };
    const added = async () => {
      const made = await installed();
      const bare = [...inventory(made.site.machine('f2'))].sort();
      await changeNode(made.options, ADD, yes);
      return { ...made, bare };
    };
    const counted = await added();
    const start = counted.site.installer.commands;
    await changeNode(counted.options, remove, yes);
    const total = counted.site.installer.commands - start;
    await counted.site.end();
    for (let left = 0; left < 8; left += 1) {
      await rm(join(directory(), 'seed'), { recursive: true, force: true });
      const { site, options, bare } = await added();
      site.installer.death = { at: site.installer.commands + total - left, carriedOut: left % 2 === 1 };
      const outcome = await outcomeOf(changeNode(options, remove, yes));
      expect(outcome, `killed with ${left} commands left`).not.toBe('done');
      site.installer.death = undefined;
      await changeNode(options, remove, yes);
      expect([...inventory(site.machine('f2'))].sort(), `killed with ${left} commands left`).toEqual(bare);
      await site.end();
    }
  }, 240_000);

  it('is not logged in to while nobody has vouched for its key', async () => {
    const { options } = await installed();
    const shown = { host: 'f2', fingerprint: `SHA256:${'A'.repeat(43)}`, keyType: 'ssh-ed25519' };
    const asking = (host: string): Machines => ({
      ...options.machines,
      connect: () => Promise.reject(new HostKeyUnknownError({ ...shown, host }, 'Cannot trust it', {})),
    });
    expect(await tryLogin({ ...options, machines: asking('f2') }, ADD)).toEqual({ fingerprint: shown.fingerprint, keyType: 'ssh-ed25519' });
    expect((await failureOf(tryLogin({ ...options, machines: asking('a jump host') }, ADD))).error).toMatchObject({
      code: 'HOST_KEY_UNKNOWN',
    });
  });

  it('is refused where it is this machine', async () => {
    const { options } = await installed();
    const own: NodeChange = { what: 'replace', name: 'm1', address: '10.0.0.11', login: { password: PASSWORD } };
    expect((await failureOf(tryLogin(options, own))).error).toMatchObject({ code: 'USAGE' });
  });
});
