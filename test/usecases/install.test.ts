import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closeBundles, openBundles } from '../../src/bundle/index.ts';
import { CaissonError } from '../../src/core/index.ts';
import { stagedBundleName } from '../../src/site/index.ts';
import { wantedOn } from '../../src/plan/index.ts';
import type { Resource } from '../../src/resources/index.ts';
import { install, planInstall, reset } from '../../src/usecases/index.ts';
import { seedLayout } from '../../src/site/index.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useSampleSites } from '../support/use-sites.ts';
import { cutIntoVolumes } from '../support/volumes.ts';
import { ONE_NODE, THREE_NODES, writeSampleBundle } from '../support/sample-install.ts';
import { outcomeOf, simulatedSite, type SimulatedSite, type SiteOptions } from '../support/simulated-site.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);

const site = samples.open;

async function journalOf({ seedRoot }: SimulatedSite): Promise<Record<string, unknown>[]> {
  const text = await readFile(seedLayout(seedRoot).journal, 'utf8');
  // Every line is an object that the journal wrote.
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('install', () => {
  it('installs three bare hosts, and changes nothing when it is run again', async () => {
    const three = await site();
    const first = await three.install();
    // Gates that are open when they are reached change nothing.
    expect(first.changed).toBeGreaterThan(first.steps / 2);
    const after = three.machines.map((machine) => machine.state());
    // What is left are the gates: seven components on three hosts, and the depot.
    expect(await three.install()).toEqual({ steps: 7, changed: 0 });
    expect(three.machines.map((machine) => machine.state())).toEqual(after);
    // Copies of what was replaced serve to take a change back, and go when all went well.
    for (const { files } of three.machines) expect([...files.keys()].filter((path) => path.includes('/replaced/'))).toEqual([]);
    expect([...three.machine('f1').images.keys()]).toContain('registry.example/web:1');
    expect((await planInstall(three.options)).plan.changes.filter(({ action }) => action !== 'keep')).toEqual([]);
  });

  it('links the name of the platform to the executable on every host, and takes it away with the executable', async () => {
    const three = await site();
    const links = (): readonly unknown[] => three.machines.map((machine) => [...machine.links]);
    await three.install();
    expect(links()).toEqual(three.machines.map(() => [['/usr/local/bin/samplectl', '/usr/local/bin/caisson']]));
    await reset({ ...three.options, purge: false }, async () => true);
    expect(links()).toEqual(three.machines.map(() => []));
  });

  it('changes no host where one has another program of that name', async () => {
    const three = await site();
    three.machine('f2').write('/usr/local/bin/samplectl', 'not ours', 0o755);
    const before = three.machines.map((machine) => machine.state());
    expect(await outcomeOf(three.install())).toContain('f2: it has "/usr/local/bin/samplectl", which is not of this site');
    expect(three.machines.map((machine) => machine.state())).toEqual(before);
  });

  it('knows of one host what it knows of all: what the run leaves there, and what is wanted', async () => {
    const three = await site();
    await three.install();
    const planned = await planInstall(three.options);
    const settled = await planned.settled();
    expect([...settled.keys()].sort()).toEqual(['f1', 'f2', 'm1']);
    for (const [host, owned] of settled) {
      expect(owned.length).toBeGreaterThan(5);
      expect(await planned.settledOn(host)).toEqual(owned);
      const ids = (resources: readonly Resource[]): readonly string[] =>
        resources.map((one) => `${one.host} ${one.kind} ${one.key}`).sort();
      const own = planned.wanted.resources.filter((resource) => resource.host === host);
      expect(ids(await wantedOn(planned.declared, host))).toEqual(ids(own));
    }
  });

  it('plans the very steps that it runs, and changes nothing by that', async () => {
    const three = await site();
    const before = three.machines.map((machine) => machine.state());
    const planned = await planInstall(three.options);
    expect(three.machines.map((machine) => machine.state())).toEqual(before);
    expect(existsSync(three.seedRoot)).toBe(false);
    await three.install();
    const ran = three.events.flatMap((event) => (event.type === 'step.finished' ? [event.step] : []));
    expect([...ran].sort()).toEqual(planned.plan.steps.map(({ id }) => id).sort());
  });

  it('takes volumes from several directories, and keeps one file of them', async () => {
    const volumes = cutIntoVolumes(samples.bundle(), 30_000, { directoryOf: (number) => join(directory(), `disk-${number}`) });
    expect(volumes.length).toBeGreaterThan(1);
    const one = await site({ nodes: ONE_NODE });
    await one.install({ bundlePaths: volumes });
    const { bundles: staged } = seedLayout(one.seedRoot);
    const names = await readdir(staged);
    expect(names).toHaveLength(1);
    expect((await readFile(join(staged, names[0] ?? ''))).equals(await readFile(samples.bundle()))).toBe(true);
    expect((await one.install({ bundlePaths: volumes })).changed).toBe(0);
    await rm(volumes[1] ?? '');
    expect(await outcomeOf(one.install({ bundlePaths: [volumes[0] ?? ''] }))).toContain('sample.tar.002: it is missing');
  });

  it('works on one host that is the seed itself, whoever refuses SSH', async () => {
    const one = await site({ nodes: ONE_NODE });
    await one.install();
    expect(one.machines).toHaveLength(1);
    expect((await one.install()).changed).toBe(0);
  });

  it('changes nothing where the roles of a node are written in another order', async () => {
    const one = await site({ nodes: ONE_NODE });
    await one.install();
    const before = one.machine('n1').state();
    const text = await readFile(one.options.clusterPath, 'utf8');
    await writeFile(one.options.clusterPath, text.replace('[manage, front]', '[front, manage]'));
    expect((await one.install()).changed).toBe(0);
    expect(one.machine('n1').state()).toEqual(before);
  });

  it('serves the bundle from a machine beside the cluster, which gets nothing else', async () => {
    const three = await site({ beside: '10.0.0.99' });
    await three.install();
    const seed = three.machine('depot.sample.internal');
    expect([...seed.files.keys()].filter((path) => path.includes('agent') || path.startsWith('/opt'))).toEqual([]);
    expect(seed.files.has('/etc/systemd/system/caisson-depot.service')).toBe(true);
    expect(three.machine('m1').files.get('/etc/hosts')?.content.toString()).toContain('10.0.0.99 depot.sample.internal');
    expect((await three.install()).changed).toBe(0);
  });

  it('repairs what somebody changed by hand, and nothing else', async () => {
    const three = await site();
    await three.install();
    const f1 = three.machine('f1');
    f1.write('/etc/docker/daemon.json', '{}', 0o644);
    three.machine('m1').images.delete('registry.example/store:1');
    await three.install();
    const journal = await journalOf(three);
    const started = journal.filter(({ event }) => event === 'run.started');
    expect(started.map(({ operation }) => operation)).toEqual(['install', 'install']);
    const changed = journal.filter(({ event, run }) => event === 'step.done' && run === started[1]?.['run']);
    const own = changed.map(({ step }) => String(step)).filter((step) => !step.startsWith('check-components/'));
    expect(own.sort()).toEqual([
      'configure-components/f1/docker-configure',
      'pull-images/m1/store-images',
      'record/f1/claim',
      'record/f1/settle',
      'record/m1/claim',
      'record/m1/settle',
      'start-components/f1/docker-start',
    ]);
  });

  it('removes what killed runs left beside the keys and certificates of every authority', async () => {
    const three = await site();
    const { authorities, certificates, secrets } = seedLayout(three.seedRoot);
    const left = [authorities, certificates, secrets, join(certificates, 'store')].map((at) => join(at, '.node.key.0123456789ab.tmp'));
    for (const path of left) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'half a key');
    }
    await three.install();
    expect(left.filter((path) => existsSync(path))).toEqual([]);
  });

  it('goes over to a newer bundle', async () => {
    const three = await site();
    await three.install();
    const newer = await writeSampleBundle(join(directory(), 'newer.tar'), { version: '1.3' });
    const same = await simulatedSite({ directory: directory(), bundle: newer, nodes: THREE_NODES });
    for (const machine of three.machines) machine.bundleDigests = same.machine(machine.name).bundleDigests;
    const options = { ...three.options, bundlePaths: [newer] };
    const { changed, steps } = await install(options, async () => true);
    expect(changed).toBeGreaterThan(0);
    expect(changed).toBeLessThan(steps);
    expect((await install(options, async () => true)).changed).toBe(0);
  });

  it('goes over to a delta, finds its base on the seed, and serves both', async () => {
    const three = await site();
    await three.install();
    const newer = await writeSampleBundle(join(directory(), 'newer.tar'), { version: '1.3', bases: [samples.bundle()] });
    const readers = await openBundles([newer, samples.bundle()]);
    const digests = new Map(readers.map((reader) => [stagedBundleName(reader), reader.bundleDigest]));
    await closeBundles(readers);
    for (const machine of three.machines) machine.bundleDigests = digests;
    const options = { ...three.options, bundlePaths: [newer] };
    expect((await install(options, async () => true)).changed).toBeGreaterThan(0);
    const unit = three.machine('m1').files.get('/etc/systemd/system/caisson-depot.service')?.content.toString() ?? '';
    const [served = ''] = /^ExecStart=.*$/m.exec(unit) ?? [];
    for (const name of digests.keys()) expect(served).toContain(name);
    expect((await install(options, async () => true)).changed).toBe(0);
  });

  it('keeps secrets out of every command line and every service definition', async () => {
    const three = await site();
    await three.install();
    const { secrets } = seedLayout(three.seedRoot);
    const secret = await readFile(join(secrets, 'store-root'), 'utf8');
    const m1 = three.machine('m1');
    expect(m1.files.get('/opt/sample/store.conf')).toMatchObject({ mode: 0o600 });
    expect(m1.files.get('/opt/sample/store.conf')?.content.toString()).toContain(secret);
    for (const machine of three.machines) {
      expect(machine.lines.filter((line) => line.includes(secret))).toEqual([]);
      const files = [...machine.files].filter(([, { content }]) => content.includes(secret)).map(([path]) => path);
      expect(files).toEqual(machine === m1 ? ['/opt/sample/store.conf'] : []);
    }
  });

  it('leaves the key of the authority on the seed alone, every key readable by its owner only', async () => {
    const three = await site();
    await three.install();
    const layout = seedLayout(three.seedRoot);
    expect((await stat(join(layout.authorities, 'ca.key'))).mode & 0o777).toBe(0o600);
    for (const path of [layout.secrets, layout.certificates, layout.authorities]) expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const { files } of three.machines) {
      for (const [path, { mode, content }] of files) {
        if (content.includes('PRIVATE KEY')) expect([path, mode & 0o077]).toEqual([path, 0]);
        expect(path).not.toMatch(/ca\.key$/);
      }
    }
  });

  it('ends with HOSTS_UNFIT, naming every host, and has changed nothing', async () => {
    const three = await site({ unreachable: ['f2'] });
    three.machine('m1').facts = { systemd: 'starting', cpus: '1' };
    three.machine('f1').facts = { 'os-release': 'ID=fedora\nVERSION_ID=40' };
    const before = three.machines.map((machine) => machine.state());
    const failure: unknown = await three.install().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'HOSTS_UNFIT', exitStatus: 6 });
    const findings = failure instanceof CaissonError ? JSON.stringify(failure.data) : '';
    for (const part of ['f2', 'does not answer', 'm1', 'starting', '1 CPUs', 'f1', 'fedora 40']) expect(findings).toContain(part);
    expect(three.machines.map((machine) => machine.state())).toEqual(before);
    expect(existsSync(three.seedRoot)).toBe(false);
  });

  it('ends with INTERRUPTED and has changed nothing when it is not approved', async () => {
    const three = await site();
    const before = three.machines.map((machine) => machine.state());
    await expect(install(three.options, async () => false)).rejects.toMatchObject({ code: 'INTERRUPTED', exitStatus: 130 });
    expect(three.machines.map((machine) => machine.state())).toEqual(before);
    expect(existsSync(three.seedRoot)).toBe(false);
  });

  it('lets one run at a time', async () => {
    const three = await site();
    const results = await Promise.allSettled([three.install(), three.install()]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'INSTALL_LOCKED', exitStatus: 7 } });
  });

  it('writes every run into the journal, with an id of its own, and how it ended', async () => {
    const three = await site();
    const stop = new AbortController();
    let started = 0;
    const interrupted = three.install({
      signal: stop.signal,
      emit: (event) => {
        if (event.type === 'step.started') started += 1;
        if (started === 5) stop.abort(new Error('received SIGINT'));
      },
    });
    await expect(interrupted).rejects.toThrow('received SIGINT');
    three.machine('f1').facts = {};
    await three.install();
    const records = await journalOf(three);
    const ends = records.filter(({ event }) => event === 'run.finished');
    expect(ends.map(({ outcome }) => outcome)).toEqual(['interrupted', 'done']);
    expect(new Set(records.map(({ run }) => run)).size).toBe(2);
    for (const { run } of records) expect(run).toMatch(/^[0-9a-f]{12}$/);
    const last = records.filter(({ run }) => run === ends[1]?.['run']);
    // Waits are no changes.
    const changes = last.filter(({ event, step }) => event === 'step.done' && !/^check-components|\/answers$/.test(String(step)));
    expect(changes).toHaveLength(Number(ends[1]?.['changed']));
    for (const entry of last.filter(({ step }) => step !== undefined)) expect(String(entry['summary'])).not.toBe('');
  });

  it('names every step that failed, does what does not depend on them, and goes on from there', async () => {
    const three = await site();
    const f1 = three.machine('f1');
    const run = f1.run.bind(f1);
    f1.run = async (command, options) =>
      command.argv[0] === 'docker' && command.argv[1] === 'pull'
        ? { exitCode: 1, stdout: '', stderr: 'no space left on device' }
        : run(command, options);
    await expect(three.install()).rejects.toMatchObject({ code: 'INSTALL_FAILED', exitStatus: 6 });
    expect([...three.machine('f2').images.keys()]).toContain('registry.example/web:1');
    expect((await journalOf(three)).at(-1)).toMatchObject({ event: 'run.finished', outcome: 'failed' });
    f1.run = run;
    await three.install();
    const journal = await journalOf(three);
    const last = journal.filter(({ event, run }) => event === 'step.done' && run === journal.at(-1)?.['run']);
    const own = last.map(({ step }) => String(step)).filter((step) => !/^(?:record|check-components)\//.test(step));
    expect(own).toEqual(['pull-images/f1/web-images', 'start-components/f1/web-start']);
    expect((await three.install()).changed).toBe(0);
  });
});

describe('an installer that is killed', () => {
  /** State of all machines, with what differs from one simulation to the next left out. */
  function stateOf({ machines }: SimulatedSite, own: string): readonly string[] {
    return machines.map((machine) =>
      JSON.stringify(machine.state())
        .replaceAll(/(?<=depot\.sample\.internal[:_]|0\.0\.0\.0:)\d+/g, 'PORT')
        .replaceAll(own, 'OWN'),
    );
  }

  async function siteOfItsOwn(nodes: SiteOptions['nodes']): Promise<{ readonly made: SimulatedSite; readonly own: string }> {
    const own = await mkdtemp(join(directory(), 'own-'));
    return { made: await site({ nodes, directory: own }), own };
  }

  // Points are shares of all commands of an undisturbed install; every second one is carried out nevertheless.
  it.each([
    { what: 'one host', nodes: ONE_NODE, shares: [0, 0.07, 0.14, 0.21] },
    { what: 'one host', nodes: ONE_NODE, shares: [0.28, 0.35, 0.42, 0.49] },
    { what: 'one host', nodes: ONE_NODE, shares: [0.56, 0.63, 0.7, 0.77] },
    { what: 'one host', nodes: ONE_NODE, shares: [0.84, 0.91, 0.96, 1] },
    { what: 'three hosts', nodes: THREE_NODES, shares: [0, 0.11, 0.22] },
    { what: 'three hosts', nodes: THREE_NODES, shares: [0.33, 0.45, 0.56] },
    { what: 'three hosts', nodes: THREE_NODES, shares: [0.67, 0.78] },
    { what: 'three hosts', nodes: THREE_NODES, shares: [0.89, 1] },
  ])(
    'on $what at $shares of its commands ends the same when it is run again',
    async ({ nodes, shares }) => {
      const { made: undisturbed, own: place } = await siteOfItsOwn(nodes);
      await undisturbed.install();
      const { commands } = undisturbed.installer;
      for (const [index, share] of shares.entries()) {
        const at = 1 + Math.round(share * (commands - 1));
        const { made: killed, own } = await siteOfItsOwn(nodes);
        killed.installer.death = { at, carriedOut: index % 2 === 1 };
        await expect(killed.install(), `killed at command ${at}`).rejects.toThrow();
        killed.installer.death = undefined;
        expect(await outcomeOf(killed.install()), `run again after a kill at command ${at}`).toBe('done');
        expect(stateOf(killed, own), `killed at command ${at}`).toEqual(stateOf(undisturbed, place));
        expect((await killed.install()).changed, `third run after a kill at command ${at}`).toBe(0);
        await killed.end();
      }
    },
    30_000,
  );
});
