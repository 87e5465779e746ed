import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { HostKeyUnknownError, type FirstLogin } from '../../src/ssh/index.ts';
import { loginKeyPaths, seedLayout, type Machines } from '../../src/site/index.ts';
import { initSite, install, planInit, reset, tryInitLogin, type InitOptions, type NewSite } from '../../src/usecases/index.ts';
import { failureOf } from '../support/hard-cases.ts';
import { FIRST_ADDRESS, initSiteOf, writeInitBundle } from '../support/init-site.ts';
import { inventory } from '../support/model/checks.ts';
import { outcomeOf, type SimulatedSite } from '../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../support/temp-dir.ts';
import { useEnding } from '../support/use-sites.ts';

const directory = useTempDir();
const shared = useSharedTempDir();
const ending = useEnding<SimulatedSite>();
let bundle = '';
beforeAll(async () => {
  bundle = await writeInitBundle(shared());
});

const yes = async (): Promise<boolean> => true;
const no = async (): Promise<boolean> => false;
const NOTHING: NewSite['typed'] = { options: [], values: [], flags: [] };
const SEED = '10.0.0.99';

interface Begun {
  readonly site: SimulatedSite;
  readonly options: InitOptions;
  readonly said: NewSite;
  readonly text: () => Promise<string | undefined>;
}

/** A bare machine, and a site that an operator says of it. */
async function bare(more: Partial<NewSite> = {}, beside?: string): Promise<Begun> {
  const own = await mkdtemp(join(directory(), 'own-'));
  const { site, depotPort } = await initSiteOf(own, bundle, beside === undefined ? {} : { beside });
  ending(site);
  const said: NewSite = {
    node: { name: 'node1', address: FIRST_ADDRESS },
    depot: { port: depotPort, address: beside },
    network: {},
    typed: NOTHING,
    ...more,
  };
  const { options } = site;
  return { site, options, said, text: () => readFile(options.clusterPath, 'utf8').catch(() => undefined) };
}

/** Names of everything on the machine, without what differs from one simulation to the next. */
function thingsOf({ site, options, said }: Omit<Begun, 'text'>): readonly string[] {
  const own = dirname(options.clusterPath);
  const readable = (name: string): string => name.replaceAll(own, 'OWN').replaceAll(String(said.depot.port), 'PORT');
  return [...inventory(site.machine('node1'))].map(readable).sort();
}

function typed(...flags: readonly (readonly [string, string])[]): Partial<NewSite> {
  return { typed: { ...NOTHING, flags: flags.map(([flag, text]) => ({ flag, text })) } };
}

const storeOf = (site: SimulatedSite): string => site.machine('node1').text('/opt/sample/store.conf').split('\n').at(-2) ?? '';

describe('caisson init', () => {
  it('writes the cluster.yaml that was said, with the roles of the platform, and installs it', async () => {
    const { site, options, said, text } = await bare({
      domain: 'apps.example.org',
      network: { podCIDR: '10.30.0.0/16' },
      ...typed(['log-server', 'logs.example']),
    });
    await initSite(options, said, yes);
    expect((await text())?.replace(/port: \d+/, 'port: PORT'))
      .toBe(`# The declaration of this site, written by "caisson init". It is changed here, by hand or by caisson node and caisson option;
# caisson install carries out what was changed. manifests/examples/cluster.yaml in the bundle explains every key.
apiVersion: caisson/v1
kind: Cluster

# Name of the cluster. It cannot be changed once the cluster is installed.
name: sample

# Domain of the applications that run on the cluster.
domain: apps.example.org

# The registry and package repository that the seed serves from the bundle.
depot:
  # Port on the seed.
  port: PORT

# The hosts of the cluster. Another one: caisson node add NAME --iip ADDRESS --role ROLE --install
nodes:
  - name: node1
    # Address by which the other hosts reach it, and what it is for.
    address: 10.0.0.11
    roles: [manage, front]

# Networks of containers and services. They may meet no network of the site.
network:
  # Addresses of containers.
  podCIDR: 10.30.0.0/16

# Choices among the options of the platform. All of them: caisson option list
options:
  # Where logs go.
  logging: { choice: remote, server: logs.example }
`);
    expect(storeOf(site)).toBe('logs=remote logs.example:514 none.example');
    expect((await stat(options.clusterPath)).mode & 0o777).toBe(0o644);
    expect((await install({ ...options, bundlePaths: undefined }, yes)).changed).toBe(0);
  });

  it('goes on, and changes nothing, when everything is there; and refuses what it is not', async () => {
    const { options, said, text } = await bare(typed(['disks', 'fast']));
    await initSite(options, said, yes);
    const written = `${(await text()) ?? ''}# A note of the operator.\n`;
    await writeFile(options.clusterPath, written);
    expect((await initSite(options, said, yes)).changed).toBe(0);
    const { error, message } = await failureOf(
      initSite({ ...options, supply: 'offline' }, { ...said, domain: 'other.example', typed: NOTHING }, yes),
    );
    expect(error).toMatchObject({
      code: 'CLUSTER_EXISTS',
      hint: expect.stringContaining(`caisson install --offline --bundle FILE --cluster ${options.clusterPath}`),
    });
    expect(message).toContain('say something else of: domain, options');
    expect(await text()).toBe(written);
  });

  it('plans without a file or a change, and shows what would be written', async () => {
    const { site, options, said, text } = await bare(typed(['logs', 'file']));
    const before = [...inventory(site.machine('node1'))].sort();
    const { notes, plan } = await planInit(options, said);
    expect(notes.slice(0, 4)).toEqual([
      `${options.clusterPath} is written:`,
      '  apiVersion: caisson/v1',
      '  kind: Cluster',
      '  name: sample',
    ]);
    expect(notes).toContain('    logging: file');
    expect(plan.steps.length).toBeGreaterThan(0);
    expect((await failureOf(initSite(options, said, no))).error).toMatchObject({ code: 'INTERRUPTED' });
    expect(await text()).toBeUndefined();
    expect([...inventory(site.machine('node1'))].sort()).toEqual(before);
  });

  it('that is killed goes on by the same command', async () => {
    const whole = await bare(typed(['disks', 'fast']));
    await initSite(whole.options, whole.said, yes);
    const total = whole.site.installer.commands;
    const things = thingsOf(whole);
    for (let at = 1; at <= total; at += Math.max(1, Math.floor(total / 6))) {
      const { site, options, said, text } = await bare(typed(['disks', 'fast']));
      site.installer.death = { at, carriedOut: at % 2 === 0 };
      expect(await outcomeOf(initSite(options, said, yes)), `killed at command ${at}`).not.toBe('done');
      site.installer.death = undefined;
      expect(await outcomeOf(initSite(options, said, yes)), `killed at command ${at}, run again`).toBe('done');
      expect(thingsOf({ site, options, said }), `killed at command ${at}`).toEqual(things);
      expect(await text()).toContain('disks: fast');
      expect((await initSite(options, said, yes)).changed).toBe(0);
      await site.end();
    }
  }, 120_000);

  it('goes on when it was stopped between the file and the first change', async () => {
    const { site, options, said, text } = await bare();
    site.installer.death = { at: 1, carriedOut: false };
    await failureOf(initSite(options, said, yes));
    site.installer.death = undefined;
    const { plan } = await planInit(options, said);
    expect(plan.steps.length).toBeGreaterThan(0);
    await initSite(options, said, yes);
    expect(await text()).toContain('name: node1');
  });

  it('refuses a machine that is the seed of a site already, whatever the file is called', async () => {
    const { options, said } = await bare();
    await initSite(options, said, yes);
    const other = { ...options, clusterPath: `${options.clusterPath}.2` };
    const { error, message } = await failureOf(initSite(other, said, yes));
    expect(error).toMatchObject({ code: 'CLUSTER_EXISTS', hint: expect.stringContaining(`--cluster ${options.clusterPath}`) });
    expect(message).toContain('this machine is the seed of "sample"');
    await rm(options.clusterPath);
    expect(await outcomeOf(planInit(options, { ...said, domain: 'x.example' }))).toContain('is gone');
    expect((await initSite(options, said, yes)).changed).toBe(0);
    await reset({ ...options, purge: true }, yes);
    await initSite(options, said, yes);
  });

  it('refuses a directory that is not there, and a file that came while the plan was shown', async () => {
    const { options, said, text } = await bare();
    const nowhere = { ...options, clusterPath: join(directory(), 'no', 'cluster.yaml') };
    expect((await failureOf(planInit(nowhere, said))).error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--cluster') });
    const meddling = async (): Promise<boolean> => {
      await writeFile(options.clusterPath, 'mine: true\n');
      return true;
    };
    expect((await failureOf(initSite(options, said, meddling))).error).toMatchObject({ code: 'INPUT_CHANGED' });
    expect(await text()).toBe('mine: true\n');
  });
});

describe('mistakes in the flags of caisson init', () => {
  const NODE = { name: 'node1', address: FIRST_ADDRESS };
  it.each<[string, Partial<NewSite>, string]>([
    ['a role', { node: { ...NODE, roles: ['manage', 'frnt'] } }, '--role: there is no role "frnt" (did you mean "front"?)'],
    ['too few roles', { node: { ...NODE, roles: ['front'] } }, '--role: "web" needs "store", which no host runs'],
    ['an address', { node: { ...NODE, address: '10.0.0' } }, '--iip: is not an IP address'],
    ['an address of another machine', { node: { ...NODE, address: '10.0.0.77' } }, '--iip: 10.0.0.77 is no address of this machine'],
    ['a name', { node: { ...NODE, name: 'Node_1' } }, '--node: '],
    ['the name of the cluster', { name: 'A b' }, '--cluster-name: '],
    ['a domain', { domain: 'Apps_1: {' }, '--domain: is not a DNS name'],
    ['a network', { network: { podCIDR: '10.0.0.0/8' } }, '10.0.0.11 lies in network.podCIDR'],
    ['a user', { node: { ...NODE, ssh: { user: 'a b' } } }, '--ssh-user: is not a user name'],
    ['a fingerprint', { node: { ...NODE, ssh: { hostKey: 'x' } } }, '--host-key: is not a fingerprint'],
    ['a login to this machine', { login: { password: 'x' } }, '--iip: 10.0.0.11 is an address of this machine, which needs no login'],
    ['a choice', typed(['logs', 'fil']), '--logs: there is no choice "fil" (did you mean "file"?)'],
    ['a value that is missing', typed(['logs', 'remote']), '--logs: the choice "remote" needs "server"'],
    ['a value', typed(['log-server', 'no_host']), '--log-server: is neither an address nor a DNS name'],
    [
      'a flag',
      typed(['log-servr', 'x']),
      '--log-servr: is a flag neither of caisson init nor of the platform (did you mean "log-server"?)',
    ],
    ['a flag of its own', typed(['domian', 'x']), '(did you mean "domain"?)'],
    ['a flag that it does not take', typed(['vip', '10.0.0.1']), '--vip: is not taken (have the name server lead there)'],
  ])('are refused with flag, reason and remedy: %s', async (_what, more, said) => {
    const { options, said: site, text } = await bare(more);
    const { error, message } = await failureOf(planInit(options, site));
    expect(message).toContain(said);
    expect(error).toMatchObject({ code: 'USAGE', exitStatus: 2, hint: expect.stringContaining('Nothing was written') });
    expect(await text()).toBeUndefined();
  });

  it('are all said at once', async () => {
    const { options, said } = await bare({ domain: '_', ...typed(['logs', 'fil'], ['nothing', 'x']) });
    const { error, message } = await failureOf(planInit(options, said));
    for (const flag of ['--domain', '--logs', '--nothing']) expect(message).toContain(`  ${flag}: `);
    expect(error).toMatchObject({ hint: expect.stringContaining('the platform has also --logs, --log-server, --log-line, --disks') });
  });
});

describe('a first node that is another machine', () => {
  const PASSWORD = 'correct horse battery';
  const KEYS = '/home/deploy/.ssh/authorized_keys';
  const NODE = { name: 'node1', address: FIRST_ADDRESS, ssh: { user: 'deploy' } };

  /** A machine that takes the password, and the key of the site where that may log in. */
  async function other(login?: FirstLogin): Promise<Begun & { readonly keys: ReturnType<typeof loginKeyPaths> }> {
    const begun = await bare({ node: NODE, login }, SEED);
    const { site } = begun;
    const { machines } = begun.options;
    if (machines === undefined) throw new Error('the machines are not simulated');
    const keys = loginKeyPaths(seedLayout(site.seedRoot));
    const connect: Machines['connect'] = async (node, ssh, options) => {
      const given = options.firstLogins?.get('node1')?.password;
      const key = await readFile(keys.public, 'utf8').catch(() => 'no key');
      const knowsKey = site.machine('node1').files.get(KEYS)?.content.toString().includes(key.trim()) === true;
      if (given !== PASSWORD && !(knowsKey && node.ssh?.identityFile === keys.private)) throw new Error('node1 lets nobody in');
      return machines.connect(node, ssh, options);
    };
    return { ...begun, keys, options: { ...begun.options, machines: { ...machines, connect } } };
  }

  it('is taken over by a password that is used once, and logged in to by the key of the site from then on', async () => {
    const { site, options, said, text, keys } = await other({ password: PASSWORD });
    await initSite(options, said, yes);
    expect(await text()).toContain(`    ssh: { user: deploy, identityFile: ${keys.private} }\n`);
    expect(await text()).toContain(`  address: ${SEED}\n`);
    expect((await stat(keys.private)).mode & 0o777).toBe(0o600);
    expect(site.machine('node1').text(KEYS)).toContain('# BEGIN caisson\n');
    expect(await text()).not.toContain(PASSWORD);
    expect((await initSite(options, { ...said, login: undefined }, yes)).changed).toBe(0);
    expect((await initSite(options, said, yes)).changed).toBe(0);
  });

  it('is not written into a file when the password is wrong', async () => {
    const { options, said, text } = await other({ password: 'wrong' });
    expect(await outcomeOf(tryInitLogin(options, said))).toContain('node1 lets nobody in');
    expect(await outcomeOf(initSite(options, said, yes))).toContain('node1 lets nobody in');
    expect(await text()).toBeUndefined();
  });

  it('shows its key when nobody has vouched for it, and a key that was accepted is asked about once', async () => {
    const { site, options, said, text } = await other({ password: PASSWORD });
    const hostKey = `SHA256:${'A'.repeat(43)}`;
    const real = options.machines;
    if (real === undefined) throw new Error('the machines are not simulated');
    const machines: Machines = {
      ...real,
      connect: async (node, ssh, more) => {
        if (node.ssh?.hostKey === hostKey) return real.connect(node, ssh, more);
        throw new HostKeyUnknownError({ host: 'node1', fingerprint: hostKey, keyType: 'ssh-ed25519' }, 'Cannot trust it', {});
      },
    };
    const asking = { ...options, machines };
    expect(await tryInitLogin(asking, said)).toEqual({ fingerprint: hostKey, keyType: 'ssh-ed25519' });
    await initSite(asking, { ...said, node: { ...NODE, ssh: { ...NODE.ssh, hostKey } } }, yes);
    expect(await text()).toContain(`hostKey: ${hostKey}`);
    expect(await tryInitLogin(asking, said)).toBeUndefined();
    expect((await initSite(asking, said, yes)).changed).toBe(0);
    expect(site.machine('node1').units.get('web.service')?.started).toBeDefined();
  });

  it('goes on by the same command after a kill, whether the file was written or not', async () => {
    const counted = await other({ password: PASSWORD });
    let approved = 0;
    await initSite(counted.options, counted.said, async () => {
      approved = counted.site.installer.commands;
      return true;
    });
    for (const after of [1, 2, 3, 4, 6, 12]) {
      const { site, options, said } = await other({ password: PASSWORD });
      site.installer.death = { at: approved + after, carriedOut: after % 2 === 0 };
      await failureOf(initSite(options, said, yes));
      site.installer.death = undefined;
      await initSite(options, said, yes);
      expect(site.machine('node1').units.get('web.service')?.started, `killed at command ${after}`).toBeDefined();
      await site.end();
    }
  }, 60_000);
});
