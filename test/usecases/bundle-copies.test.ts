import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../src/bundle/index.ts';
import { hexOf } from '../../src/core/index.ts';
import { openFileStore, seedLayout, stagedBundleName } from '../../src/site/index.ts';
import { adopt, install, planInstall, reset, upgrade } from '../../src/usecases/index.ts';
import { MANIFESTS, writeSampleBundle, type SampleNode } from '../support/sample-install.ts';
import type { SimulatedMachine } from '../support/simulated-machine.ts';
import type { SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);
const yes = async (): Promise<boolean> => true;
const no = async (): Promise<boolean> => false;

/** Fronts keep the bundle. The store stays on m1, which may be the seed or not. */
const KEEPING = {
  ...MANIFESTS,
  'roles/front.yaml': `${MANIFESTS['roles/front.yaml'] ?? ''}keepsBundle: true\n`,
};
const NODES: readonly SampleNode[] = ['f1', 'm1', 'f2', 'f3'].map((name, index) => ({
  name,
  address: `10.0.0.${index + 11}`,
  roles: [name === 'm1' ? 'manage' : 'front'],
}));

interface Copied {
  readonly path: string;
  readonly name: string;
  readonly content: string;
  readonly digest: string;
}

/** Lets simulated machines fetch and verify a bundle. The letter stands for its bytes. */
async function served(site: SimulatedSite, path: string, letter: string): Promise<Copied> {
  const reader = await openBundle(path);
  const { size, bundleDigest: digest } = reader;
  const name = stagedBundleName(reader);
  await reader.close();
  const planned = await planInstall({ ...site.options, bundlePaths: [path] });
  const { port } = planned.declared.supply.depot;
  const content = letter.repeat(size);
  for (const machine of site.machines) {
    machine.served.set(`https://depot.sample.internal:${port}/bundles/${hexOf(digest)}.tar`, content);
    machine.copies.set(content, digest);
    machine.bundleDigests = new Map([...machine.bundleDigests, [name, digest]]);
  }
  return { path, name, content, digest };
}

async function keepingSite(more: readonly string[] = [], nodes = NODES): Promise<{ readonly site: SimulatedSite; readonly first: Copied }> {
  const bundle = await writeSampleBundle(join(directory(), 'first.tar'), { manifests: KEEPING });
  const site = await samples.open({ nodes, bundle, more });
  return { site, first: await served(site, bundle, 'a') };
}

async function writeLaterBundle(version: string, bases: readonly string[] = []): Promise<string> {
  return writeSampleBundle(join(directory(), `${version}.tar`), { manifests: KEEPING, version, bases });
}

const copiesOn = ({ files }: SimulatedMachine): readonly string[] =>
  [...files.keys()].filter((path) => path.startsWith('/var/lib/caisson/bundles/')).map((path) => basename(path));
const copies = ({ machines }: SimulatedSite): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(machines.map((machine) => [machine.name, copiesOn(machine)]));

describe('copies of the bundle', () => {
  it('are on the first other node that keeps it, fetched there from the depot, after all components are healthy', async () => {
    const { site, first } = await keepingSite();
    const { plan } = await planInstall(site.options);
    const copy = plan.steps.find(({ phase }) => phase === 'copy-bundle');
    expect(copy).toMatchObject({ host: 'f2', summary: 'fetch a copy of the bundle from the depot, and verify it' });
    const gates = plan.steps.filter(({ type }) => type === 'gate');
    expect(gates.length).toBeGreaterThan(0);
    expect(copy?.needs).toEqual(expect.arrayContaining(gates));
    await site.install();
    expect(copies(site)).toEqual({ f1: [], m1: [], f2: [first.name], f3: [] });
    const { files, lines } = site.machine('f2');
    expect(files.get(`/var/lib/caisson/bundles/${first.name}`)?.content.toString()).toBe(first.content);
    expect(lines.filter((line) => line.includes('verify'))).toEqual([
      `/usr/local/bin/caisson verify --json /var/lib/caisson/bundles/${first.name}.copy`,
    ]);
    expect((await site.install()).changed).toBe(0);
  });

  it.each([
    ['as many as are asked for, one host after the other', 3, { f2: 1, f3: 1 }],
    ['none where the seed alone is to have it', 1, { f2: 0, f3: 0 }],
  ])('are %s', async (_, wanted, numbers) => {
    const bundle = await writeSampleBundle(join(directory(), 'first.tar'), { manifests: KEEPING });
    const site = await samples.open({ nodes: NODES, bundle });
    const text = await readFile(site.options.clusterPath, 'utf8');
    await writeFile(site.options.clusterPath, text.replace('depot: { ', `depot: { copies: ${wanted}, `));
    await served(site, bundle, 'a');
    const { plan } = await planInstall(site.options);
    const steps = plan.steps.filter(({ phase }) => phase === 'copy-bundle');
    for (const [index, step] of steps.entries()) if (index > 0) expect(step.needs).toContain(steps[index - 1]);
    await site.install();
    expect(Object.fromEntries(['f2', 'f3'].map((name) => [name, copiesOn(site.machine(name)).length]))).toEqual(numbers);
  });

  it('are followed by those of the next bundle, and go with the one that the seed removes, and with the site', async () => {
    const { site, first } = await keepingSite();
    await site.install();
    const next = async (version: string): Promise<Copied> => {
      const path = await writeLaterBundle(version);
      const copied = await served(site, path, version);
      await upgrade({ ...site.options, bundlePaths: [path] }, yes);
      return copied;
    };
    const second = await next('2');
    expect([...copiesOn(site.machine('f2'))].sort()).toEqual([first.name, second.name].sort());
    const third = await next('3');
    expect([...copiesOn(site.machine('f2'))].sort()).toEqual([second.name, third.name].sort());
    expect((await site.install({ bundlePaths: [third.path] })).changed).toBe(0);
    await reset({ ...site.options, bundlePaths: [third.path], purge: true }, yes);
    expect(copies(site)).toEqual({ f1: [], m1: [], f2: [], f3: [] });
  });

  it('are those of a delta with its base, and as long as that may be gone back to', async () => {
    const { site, first } = await keepingSite();
    await site.install();
    const delta = await served(site, await writeLaterBundle('2', [first.path]), 'd');
    const machine = site.machine('f2');
    const names = (): readonly string[] => [...copiesOn(machine)].sort();
    await upgrade({ ...site.options, bundlePaths: [delta.path] }, yes);
    expect(names()).toEqual([first.name, delta.name].sort());
    const full = await served(site, await writeLaterBundle('3'), 'f');
    await upgrade({ ...site.options, bundlePaths: [full.path] }, yes);
    expect(names()).toEqual([first.name, delta.name, full.name].sort());
    const next = await served(site, await writeLaterBundle('4'), 'n');
    await upgrade({ ...site.options, bundlePaths: [next.path] }, yes);
    expect(names()).toEqual([full.name, next.name].sort());
  });

  it('are not kept when they are damaged, or of another bundle than the depot should serve', async () => {
    const { site, first } = await keepingSite();
    const f2 = site.machine('f2');
    f2.copies.clear();
    await expect(site.install()).rejects.toMatchObject({ code: 'INSTALL_FAILED' });
    expect(copiesOn(f2)).not.toContain(first.name);
    f2.copies.set(first.content, 'sha256:another');
    await expect(site.install()).rejects.toThrow('the depot serves another than sha256:');
    expect(copiesOn(f2)).toEqual([]);
    f2.copies.set(first.content, first.digest);
    await site.install();
    expect(copiesOn(f2)).toEqual([first.name]);
  });

  it('serve the machine that has one when it becomes the seed, which needs no file of the bundle then', async () => {
    const { site, first, options } = await lostSeedWithCopy();
    const { adoption } = await adopt(options, { approve: yes, approvePlan: yes });
    expect(adoption.seed).toBe('f2');
    // The next node that keeps it has a copy now.
    expect(copiesOn(site.machine('f3'))).toEqual([first.name]);
  });

  it('serve it again when its adoption was killed, before its run began and in its midst', async () => {
    const { site, first, options } = await lostSeedWithCopy();
    await expect(adopt(options, { approve: yes, approvePlan: no })).rejects.toThrow('Stopped before anything was changed');
    const { installer } = site;
    const emit = installer.dyingAfter((step) => step.endsWith('/claim'));
    await expect(adopt({ ...options, emit }, { approve: no, approvePlan: yes })).rejects.toThrow();
    installer.death = undefined;
    const root = options.machines?.seedRoot ?? '';
    const killed = await openFileStore(seedLayout(root).record).read();
    expect(killed?.operations).toMatchObject([{ operation: 'adopt', bundle: { digest: first.digest } }]);
    expect(killed?.bundle).toBeUndefined();
    await adopt(options, { approve: no, approvePlan: yes });
    expect((await install({ ...options, bundlePaths: undefined }, yes)).changed).toBe(0);
  });

  /** A site whose seed f1 is lost, and options of an adoption on f2, which has a copy. */
  async function lostSeedWithCopy() {
    const unreachable: string[] = [];
    const bundle = await writeSampleBundle(join(directory(), 'first.tar'), { manifests: KEEPING });
    const site = await samples.open({ nodes: NODES, bundle, unreachable });
    const first = await served(site, bundle, 'a');
    await site.install();
    const keys = join(directory(), 'keys');
    await cp(seedLayout(site.seedRoot).authorities, keys, { recursive: true });
    unreachable.push('f1');
    await site.machine('f1').powerOff();
    // What a simulated machine has in memory, a real one has on its disk.
    const root = join(directory(), 'seed-of-f2');
    const layout = seedLayout(root);
    await mkdir(layout.bundles, { recursive: true });
    await mkdir(join(root, 'etc/caisson'), { recursive: true });
    await cp(bundle, join(layout.bundles, first.name));
    await writeFile(join(root, 'etc/caisson/site.json'), site.machine('f2').text('/etc/caisson/site.json'));
    const options = { ...site.options, ...site.moveTo('f2', root), bundlePaths: undefined, forget: ['f1'], source: { authorities: keys } };
    return { site, first, options };
  }
});
