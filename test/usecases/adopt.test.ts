import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { seedLayout } from '../../src/site/index.ts';
import { adopt, planAdoption, type Adoption, type AdoptOptions } from '../../src/usecases/index.ts';
import { treeOf } from '../support/backup-site.ts';
import { hardManifests, HARD_IMAGES, hardSite, type HardSite } from '../support/hard-cases.ts';
import { lostSeed, recordBelow, type LostSeed } from '../support/lost-seed.ts';
import { MANIFESTS, writeSampleBundle } from '../support/sample-install.ts';
import { useTempDir } from '../support/temp-dir.ts';
import { useEnding, useSampleSites } from '../support/use-sites.ts';

const directory = useTempDir();
const samples = useSampleSites(directory);
const ending = useEnding<HardSite>();
const yes = async (): Promise<boolean> => true;
const answers = { approve: yes, approvePlan: yes };
const lost = (): Promise<LostSeed> => lostSeed(directory(), samples.open);
const newRoot = (): string => join(directory(), 'seed-of-f2');

const states = ({ three }: LostSeed): readonly unknown[] => three.machines.map((machine) => machine.state({ exact: true }));
const conflictsOf = (options: AdoptOptions): Promise<unknown> =>
  adopt(options, answers).then(
    () => 'adopted',
    (error: unknown) => (error as { readonly conflicts?: unknown }).conflicts ?? error,
  );

async function seedsOf({ three }: LostSeed, ...names: readonly string[]): Promise<readonly unknown[]> {
  return names.map((name) => JSON.parse(three.machine(name).text('/etc/caisson/site.json')).site.seed);
}

/** The site goes on at f2 as it was: the same secret and authority, nothing to do, and f1 may not come back. */
async function expectSeedOfF2(site: LostSeed, root: string): Promise<void> {
  const { three } = site;
  const moved = three.moveTo('f2', root);
  expect((await three.install({ ...moved, forget: ['f1'] })).changed).toBe(0);
  const [before, after] = [seedLayout(site.before), seedLayout(root)];
  expect(await treeOf(after.secrets)).toEqual(await treeOf(before.secrets));
  expect(await treeOf(after.authorities)).toEqual(await treeOf(before.authorities));
  expect(await readFile(three.options.clusterPath, 'utf8')).toBe(site.cluster.replace(/^.*name: f1.*\n/m, ''));
  const record = await recordBelow(root);
  expect({ seed: record.seed, hosts: Object.keys(record.hosts).sort(), name: record.operations.at(-1)?.operation }).toEqual({
    seed: 'f2',
    hosts: ['f2', 'm1'],
    name: 'adopt',
  });
  expect(record.placements['store']).toEqual(['m1']);
  expect(await seedsOf(site, 'm1', 'f2')).toEqual(['f2', 'f2']);
  expect(three.machine('m1').text('/etc/hosts')).toContain('10.0.0.13 depot.sample.internal');
}

describe('adopt by the keys of the authorities', () => {
  it('rebuilds the site from its hosts on another node, with the secret that a file there has', async () => {
    const site = await lost();
    const config = site.three.machine('m1').text('/opt/sample/store.conf');
    const seen: Adoption[] = [];
    const { summary } = await adopt(site.byKeys(newRoot()), {
      approve: async (adoption) => seen.push(adoption) > 0,
      approvePlan: yes,
    });
    expect(summary.changed).toBeGreaterThan(0);
    expect(seen[0]).toMatchObject({ before: 'f1', seed: 'f2', isClusterEdited: true });
    expect(seen[0]?.notes).toContain('The secret "store-root" was read back from m1: /opt/sample/store.conf');
    expect(seen[0]?.notes).toContain('The former seed, f1, is not asked and must not come back');
    expect(site.three.machine('m1').text('/opt/sample/store.conf')).toBe(config);
    await expectSeedOfF2(site, newRoot());
  });

  it('takes the key of the site alone, because the hosts have its certificate', async () => {
    const site = await lost();
    await adopt(site.byKeys(newRoot(), { source: { authorities: join(site.keys, 'ca.key') } }), answers);
    const certificate = await readFile(join(seedLayout(site.before).authorities, 'ca.crt'), 'utf8');
    expect(await readFile(join(seedLayout(newRoot()).authorities, 'ca.crt'), 'utf8')).toBe(certificate);
    await rm(join(site.keys, 'ca.crt'));
    await expectSeedOfF2(site, newRoot());
  });

  it('shows the plan of the hosts and leaves this machine as it was', async () => {
    const site = await lost();
    const options = site.byKeys(newRoot());
    const before = states(site);
    const { adoption, planned } = await planAdoption(options);
    expect(adoption.seed).toBe('f2');
    const made = planned?.plan.changes.flatMap((change) => (change.action === 'add' ? [change.resource.key] : [])) ?? [];
    expect(made).toContain('caisson-depot.service');
    // With the authority at hand, the plan knows that nothing which hangs on it changes.
    expect(
      planned?.plan.changes.find((change) => change.action !== 'remove' && change.resource?.key === '/etc/caisson/pki/ca.crt'),
    ).toMatchObject({ action: 'keep' });
    expect(states(site)).toEqual(before);
    expect(await readdir(newRoot(), { recursive: true }).catch(() => [])).toEqual(['var', 'var/lib', 'var/lib/caisson']);
    expect(await readFile(site.three.options.clusterPath, 'utf8')).toBe(site.cluster);
  });

  it('is asked before the first file, and again before the first host', async () => {
    const site = await lost();
    const before = states(site);
    const options = site.byKeys(newRoot());
    const no = async (): Promise<boolean> => false;
    await expect(adopt(options, { approve: no, approvePlan: yes })).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await expect(readdir(newRoot())).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(adopt(options, { approve: yes, approvePlan: no })).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(states(site)).toEqual(before);
    expect((await recordBelow(newRoot())).seed).toBe('f2');
    // The record is there, so nothing is asked about files any more.
    await adopt(options, { approve: no, approvePlan: yes });
    await expectSeedOfF2(site, newRoot());
  });

  it('refuses the lost seed when it comes back, with the list it had', async () => {
    const site = await lost();
    await adopt(site.byKeys(newRoot()), answers);
    site.unreachable.splice(0);
    const old = join(directory(), 'old.yaml');
    await writeFile(old, site.cluster);
    const left = states(site);
    const back = site.three.moveTo('f1', site.before);
    await expect(site.three.install({ ...back, clusterPath: old })).rejects.toMatchObject({
      code: 'SITE_CONFLICT',
      conflicts: [{ where: 'm1', problem: expect.stringContaining('its seed is "f2" since') }, { where: 'f2' }],
    });
    expect(states(site)).toEqual(left);
  });
});

describe('what an adoption refuses', () => {
  it('hosts of two sites, another key, a seed that lives, hosts that do not answer, and writes nothing then', async () => {
    const site = await lost();
    const options = site.byKeys(newRoot());
    const before = states(site);
    const m1 = site.three.machine('m1');
    const list = m1.text('/etc/caisson/site.json');

    m1.write('/etc/caisson/site.json', list.replace(/"id": "\w+"/, '"id": "another"'), 0o644);
    expect(await conflictsOf(options)).toMatchObject([
      { where: 'm1', problem: expect.stringContaining('(another), and these hosts are not all of one site') },
      { where: 'f2' },
    ]);
    m1.write('/etc/caisson/site.json', list, 0o644);

    const other = join(directory(), 'other-keys');
    await mkdir(other);
    await writeFile(join(other, 'ca.key'), await readFile(join(seedLayout(site.before).certificates, 'node-m1.key')), { mode: 0o600 });
    expect(await conflictsOf({ ...options, source: { authorities: other } })).toMatchObject([
      { where: other, problem: 'authority "site": its key does not belong to its certificate (m1, f2)' },
    ]);
    await writeFile(join(other, 'ca.crt'), await readFile(join(seedLayout(site.before).certificates, 'node-m1.crt')));
    expect(await conflictsOf({ ...options, source: { authorities: other } })).toMatchObject([
      { problem: 'authority "site": its certificate is not the one whose fingerprint hosts keep (m1, f2)' },
    ]);

    await expect(adopt({ ...options, forget: [] }, answers)).rejects.toMatchObject({
      code: 'HOSTS_UNFIT',
      findings: [{ host: 'f1', remedy: expect.stringContaining('where it is lost for good, add --forget f1') }],
    });
    site.unreachable.splice(0);
    site.three.machine('f1').write('/var/lib/caisson/site.json', '{}', 0o600);
    expect(await conflictsOf({ ...options, forget: [] })).toMatchObject([
      { where: 'f1', problem: 'it is the seed of this site, it answers, and it has the record' },
    ]);
    site.three.machine('f1').files.delete('/var/lib/caisson/site.json');
    expect(states(site)).toEqual(before);
    await expect(readdir(newRoot())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('a key that others can read, a directory without keys, and no bundle', async () => {
    const site = await lost();
    const options = site.byKeys(newRoot());
    await expect(adopt({ ...options, source: { authorities: directory() } }, answers)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    await expect(adopt({ ...options, bundlePaths: undefined }, answers)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('this machine keeps no copy of it'),
    });
    await chmod(join(site.keys, 'ca.key'), 0o644);
    await expect(adopt(options, answers)).rejects.toMatchObject({ code: 'SECRET_EXPOSED' });
  });

  it('a machine whose hosts follow a later seed, with the record of an earlier adoption', async () => {
    const site = await lost();
    await adopt(site.byKeys(newRoot()), answers);
    const m1 = site.three.machine('m1');
    const list = m1.text('/etc/caisson/site.json');
    const later = list.replace('"seed": "f2"', '"seed": "m1"').replace(/"seedSince": "[^"]+"/, '"seedSince": "2027-01-01T00:00:00.000Z"');
    m1.write('/etc/caisson/site.json', later, 0o644);
    expect(await conflictsOf(site.byKeys(newRoot()))).toMatchObject([
      { where: 'm1', problem: 'its seed is "m1" since 2027-01-01T00:00:00.000Z, and no longer this machine' },
    ]);
  });

  it('the seed itself, which has its record', async () => {
    const three = await samples.open();
    await three.install();
    const authorities = seedLayout(three.seedRoot).authorities;
    expect(await conflictsOf({ ...three.options, source: { authorities } })).toMatchObject([
      { problem: 'it is the record of site "sample", whose seed is "m1", so nothing is to be rebuilt' },
    ]);
  });
});

describe('secrets of a site without a backup', () => {
  it('are asked for when no file has them as it was written, and made anew only when that is asked for', async () => {
    const site = await lost();
    const m1 = site.three.machine('m1');
    const { content, mode, owner } = m1.files.get('/opt/sample/store.conf') ?? { content: Buffer.alloc(0), mode: 0, owner: '' };
    const password = /password=(\w+)/.exec(content.toString())?.[1] ?? '';
    m1.write('/opt/sample/store.conf', content.toString().replace(password, 'changed-by-hand-with-24!'), mode, owner);
    const options = site.byKeys(newRoot());
    expect(await conflictsOf(options)).toMatchObject([
      {
        problem:
          'the secret "store-root" is lost: no file on a host has it, and store uses it, with data that may be locked with it (m1: /opt/sample/data)',
        remedy: expect.stringContaining('--new-secrets'),
      },
    ]);
    const secrets = join(directory(), 'secrets');
    await mkdir(secrets);
    await writeFile(join(secrets, 'store-root'), password, { mode: 0o600 });
    const source = { authorities: site.keys, secrets };
    await adopt({ ...options, source }, answers);
    expect(m1.text('/opt/sample/store.conf')).toBe(content.toString());
    await expectSeedOfF2(site, newRoot());
  });

  it('and key pairs are read back from the files that have them', async () => {
    const component = 'components/store/component.yaml';
    const pairs = 'keyPairs: [{ name: tokens, private: "${var.root}/tokens.key", public: "${var.root}/tokens.pub" }]\n';
    const manifests = { ...MANIFESTS, [component]: `${MANIFESTS[component] ?? ''}${pairs}` };
    const bundle = await writeSampleBundle(join(directory(), 'pairs.tar'), { manifests });
    const site = await lostSeed(directory(), (options) => samples.open({ ...options, bundle }));
    const seen: Adoption[] = [];
    await adopt(site.byKeys(newRoot()), { approve: async (adoption) => seen.push(adoption) > 0, approvePlan: yes });
    expect(seen[0]?.notes).toContain('The key pair "tokens" was read back from m1: /opt/sample/tokens.key');
    const pair = (root: string): Promise<string> => readFile(join(seedLayout(root).certificates, 'pairs/tokens.key'), 'utf8');
    expect(await pair(newRoot())).toBe(await pair(site.before));
    expect(site.three.machine('m1').text('/opt/sample/tokens.key')).toBe(await pair(site.before));
    await expectSeedOfF2(site, newRoot());
  });

  it('are read back from the file of another component that uses them', async () => {
    const component = 'components/client/component.yaml';
    const manifests = {
      ...MANIFESTS,
      [component]: `apiVersion: caisson/v1
kind: Component
name: client
summary: Uses the store
files: [{ path: /opt/sample/client.conf, mode: '0400', template: client.conf }]
`,
      'components/client/client.conf': 'login=me:${secret.store-root}@store\n',
      'roles/front.yaml': (MANIFESTS['roles/front.yaml'] ?? '').replace(/^components: \[/m, 'components: [client, '),
    };
    const bundle = await writeSampleBundle(join(directory(), 'client.tar'), { manifests });
    const site = await lostSeed(directory(), (options) => samples.open({ ...options, bundle }));
    site.three.machine('m1').files.delete('/opt/sample/store.conf');
    const seen: Adoption[] = [];
    await adopt(site.byKeys(newRoot()), { approve: async (adoption) => seen.push(adoption) > 0, approvePlan: yes });
    expect(seen[0]?.notes).toContain('The secret "store-root" was read back from f2: /opt/sample/client.conf');
    await expectSeedOfF2(site, newRoot());
  });

  it('are made anew for a component that is told so', async () => {
    const site = await lost();
    const m1 = site.three.machine('m1');
    m1.files.delete('/opt/sample/store.conf');
    const seen: Adoption[] = [];
    await adopt(site.byKeys(newRoot(), { source: { authorities: site.keys, newSecrets: true } }), {
      approve: async (adoption) => seen.push(adoption) > 0,
      approvePlan: yes,
    });
    expect(seen[0]?.notes).toContain(
      'Is made anew, because it is lost: the secret "store-root" of store, with data that may be locked with it (m1: /opt/sample/data)',
    );
    const secret = await readFile(join(seedLayout(newRoot()).secrets, 'store-root'), 'utf8');
    expect(secret).not.toBe(await readFile(join(seedLayout(site.before).secrets, 'store-root'), 'utf8'));
    expect(m1.text('/opt/sample/store.conf')).toContain(`password=${secret}`);
  });
});

describe('adopt by a backup', () => {
  it('restores, edits cluster.yaml and installs in one command', async () => {
    const site = await lost();
    await adopt(site.byBackup(newRoot()), answers);
    await expectSeedOfF2(site, newRoot());
    expect((await adopt(site.byBackup(newRoot()), answers)).summary.changed).toBe(0);
  });

  it('writes the cluster.yaml of the backup where there is none, without the lost node', async () => {
    const site = await lost();
    await rm(site.three.options.clusterPath);
    const { adoption } = await adopt(site.byBackup(newRoot()), answers);
    expect(adoption.isClusterEdited).toBe(false);
    await expectSeedOfF2(site, newRoot());
  });

  it('moves the depot to a machine beside the cluster, by the address that it is given', async () => {
    const site = await lost();
    const root = join(directory(), 'seed-beside');
    const options = site.byBackup(root);
    const moved = site.three.moveTo('depot.sample.internal', root);
    const machines = { ...moved.machines, isOwnAddress: (address: string) => address === '10.0.0.99' };
    expect(await conflictsOf({ ...options, machines })).toMatchObject([{ remedy: expect.stringContaining('Add --address') }]);
    await adopt({ ...options, machines, address: '10.0.0.99' }, answers);
    expect(await readFile(site.three.options.clusterPath, 'utf8')).toContain('address: 10.0.0.99');
    expect(site.three.machine('m1').text('/etc/hosts')).toContain('10.0.0.99 depot.sample.internal');
    expect(Object.keys((await recordBelow(root)).hosts).sort()).toEqual(['depot.sample.internal', 'f2', 'm1']);
  });

  it('refuses a backup of another site on the seed of this one', async () => {
    const site = await lost();
    const present = await recordBelow(site.before);
    const { record } = seedLayout(newRoot());
    await mkdir(join(record, '..'), { recursive: true });
    await writeFile(record, JSON.stringify({ ...present, id: 'another' }));
    expect(await conflictsOf(site.byBackup(newRoot()))).toMatchObject([
      { problem: expect.stringContaining('is the seed of another site') },
    ]);
  });
});

describe('a quorum of which the lost seed was a member', () => {
  it('lets it go, although the hosts that are left keep only their own lists', async () => {
    const bundle = await writeSampleBundle(join(directory(), 'hard.tar'), { manifests: hardManifests(), images: HARD_IMAGES });
    const names = ['n1', 'n2', 'n3', 'n4'];
    const nodes = names.map((name, index) => ({ name, address: `10.0.0.${index + 11}`, roles: index < 3 ? ['store'] : ['control'] }));
    const site = ending(await hardSite(directory(), bundle, nodes));
    for (const name of ['n1', 'n2', 'n3']) site.platform.members.add(name);
    await site.run();
    const keys = seedLayout(site.seedRoot).authorities;
    await site.machine('n1').powerOff();
    // A fourth machine takes the place of the member, so that their number stays odd.
    await site.declare(nodes.map((node) => (node.name === 'n4' ? { ...node, roles: ['store'] } : node)));
    const root = join(directory(), 'seed-of-n2');
    await adopt({ ...site.options, ...site.moveTo('n2', root), forget: ['n1'], source: { authorities: keys } }, answers);
    expect([...site.platform.members].sort()).toEqual(['n2', 'n3', 'n4']);
    expect((await recordBelow(root)).placements['store']).toEqual(['n2', 'n3', 'n4']);
  });
});
