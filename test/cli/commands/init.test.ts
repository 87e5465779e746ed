import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { registerCommands } from '../../../src/cli/commands/index.ts';
import { fixedClock } from '../../../src/core/index.ts';
import { HostKeyUnknownError, type FirstLogin } from '../../../src/ssh/index.ts';
import { INIT_FLAGS } from '../../../src/manifests/index.ts';
import type { Machines } from '../../../src/site/index.ts';
import { NOON } from '../../support/command-site.ts';
import { FIRST_ADDRESS, initSiteOf, writeInitBundle } from '../../support/init-site.ts';
import { runCaisson, type Ended, type RunCaissonOptions } from '../../support/run-caisson.ts';
import { shippedManifests, writeSampleBundle } from '../../support/sample-install.ts';
import type { SimulatedSite } from '../../support/simulated-site.ts';
import { useSharedTempDir, useTempDir } from '../../support/temp-dir.ts';
import { useEnding } from '../../support/use-sites.ts';

const directory = useTempDir();
const shared = useSharedTempDir();
const ending = useEnding<SimulatedSite>();
let bundle = '';
beforeAll(async () => {
  bundle = await writeInitBundle(shared());
});

interface Bare {
  readonly site: SimulatedSite;
  readonly machines: Machines;
  /** Runs init with the flags that every run of it needs, and these, which may be others of the same names. */
  readonly init: (words: readonly string[], options?: RunCaissonOptions) => Promise<Ended>;
  readonly text: () => Promise<string | undefined>;
}

async function bare(of = bundle, beside?: string): Promise<Bare> {
  const { site, depotPort } = await initSiteOf(directory(), of, beside === undefined ? {} : { beside });
  ending(site);
  const { machines } = site.options;
  if (machines === undefined) throw new Error('the machines are not simulated');
  const clusterPath = join(directory(), 'cluster.yaml');
  const needed = [
    ['--install-type', 'offline'],
    ['--bundle', of],
    ['--iip', FIRST_ADDRESS],
    ['--cluster', clusterPath],
    ['--depot-port', String(depotPort)],
  ];
  return {
    site,
    machines,
    init: (more, options = {}) =>
      runCaisson(['init', ...needed.filter(([flag = '']) => !more.includes(flag)).flat(), ...more], {
        machines,
        clock: fixedClock(NOON),
        ...options,
      }),
    text: () => readFile(clusterPath, 'utf8').catch(() => undefined),
  };
}

describe('caisson init', () => {
  it('has the flags whose names no platform may take, and no others', async () => {
    const program = new Command();
    await registerCommands(program, async () => {});
    const own = program.commands.find((command) => command.name() === 'init')?.options.map(({ long }) => (long ?? '').slice(2)) ?? [];
    expect([...own, 'json', 'quiet', 'debug', 'help'].sort()).toEqual([...INIT_FLAGS].sort());
  });

  it('takes its own flags and those of the platform in any order, plans, asks, and installs', async () => {
    const { init, text } = await bare();
    const words = ['--log-server', 'logs.example', '--domain=apps.example.org', '--disks=fast', '--option-value', 'logging.port=601'];
    const planned = await init([...words, '--plan']);
    expect(planned).toMatchObject({ status: 0, err: '' });
    expect(planned.out).toContain(`${join(directory(), 'cluster.yaml')} is written:`);
    expect(planned.out).toContain('steps would run; nothing was changed');
    expect(await readdir(directory())).not.toContain('cluster.yaml');
    expect(await init(words)).toMatchObject({ status: 2, err: expect.stringContaining('run this again with --yes') });
    expect(await init(words, { typed: 'n\n' })).toMatchObject({ status: 130 });
    expect(await text()).toBeUndefined();
    expect(await init(words, { typed: 'y\n' })).toMatchObject({ status: 0, out: expect.stringMatching(/^Done: \d+ of \d+ steps/) });
    expect(await text()).toContain('  logging: { choice: remote, port: 601, server: logs.example }');
    expect(await text()).toContain('  disks: fast');
    expect(await init(words)).toMatchObject({ status: 0, out: expect.stringContaining('Everything was as declared') });
    const other = await init(['--domain', 'b.example']);
    expect(other).toMatchObject({ status: 3, err: expect.stringContaining('CLUSTER_EXISTS') });
    expect(other.err).toContain('say something else of: domain, options');
  });

  it('works under the name that the platform has for it', async () => {
    const { init } = await bare();
    expect(await init(['--plan'], { name: 'samplectl' })).toMatchObject({ status: 0 });
  });

  it.each<[string, readonly string[], string]>([
    ['a word without a flag', ['--disks', 'fast', 'extra'], 'no flag that takes a text stands before it'],
    ['a short flag', ['-x'], 'no flag that takes a text stands before it'],
    ['a flag of the platform without a text', ['--disks', '--plan'], '--disks: has nothing behind it (write --disks TEXT)'],
    ['an option of another form', ['--option', 'disks'], 'Write NAME=CHOICE'],
    ['a value of another form', ['--option-value', 'logging=x'], 'Write NAME.VALUE=TEXT'],
    ['a port', ['--depot-port', '0'], '"0" is not a port'],
    ['a port of sshd', ['--ssh-port', 'x'], '"x" is not a port'],
    ['a lock beside a bundle', ['--lock', 'x'], 'Cannot use --lock, --mirror or --ca with --install-type offline'],
    ['a bundle and no lock online', ['--install-type', 'online'], 'Cannot use --bundle with --install-type online'],
    ['an unknown flag', ['--network-type', 'calico'], '--network-type: is a flag neither of caisson init nor of the platform'],
    ['a login to this machine', ['--root-pass-file', 'PASSWORD'], 'is an address of this machine, which needs no login'],
  ])('ends with 2 and writes nothing for %s', async (_what, words, said) => {
    const { init, text } = await bare();
    const file = join(directory(), 'password');
    await writeFile(file, 'correct horse\n', { mode: 0o600 });
    const ended = await init(words.map((word) => (word === 'PASSWORD' ? file : word)));
    expect(ended).toMatchObject({ status: 2, err: expect.stringContaining(said) });
    expect(await text()).toBeUndefined();
  });

  it.each<[string, readonly string[], string]>([
    ['the address', ['--install-type', 'offline'], '--iip'],
    ['the type', ['--iip', FIRST_ADDRESS], '--install-type'],
    ['the bundle', ['--install-type', 'offline', '--iip', FIRST_ADDRESS], 'Cannot install offline without --bundle'],
    ['the lock', ['--install-type', 'online', '--iip', FIRST_ADDRESS], 'Cannot install online without --lock'],
    ['a known type', ['--install-type', 'of', '--iip', FIRST_ADDRESS], 'Allowed choices are offline, online'],
  ])('ends with 2 without %s', async (_what, words, said) => {
    expect(await runCaisson(['init', ...words])).toMatchObject({ status: 2, err: expect.stringContaining(said) });
  });
});

describe('caisson init of another machine', () => {
  const SEED = '10.0.0.99';
  const FINGERPRINT = `SHA256:${'A'.repeat(43)}`;
  let site: Bare;
  let machines: Machines;
  let logins: (FirstLogin | undefined)[];

  beforeEach(async () => {
    site = await bare(bundle, SEED);
    logins = [];
    machines = {
      ...site.machines,
      connect: async (node, _ssh, options) => {
        if (node.ssh?.hostKey !== FINGERPRINT) {
          throw new HostKeyUnknownError({ host: node.name, fingerprint: FINGERPRINT, keyType: 'ssh-ed25519' }, 'Cannot trust it', {});
        }
        logins.push(options.firstLogins?.get(node.name));
        throw new Error('that is enough');
      },
    };
  });

  const run = (words: readonly string[], options: RunCaissonOptions = {}) =>
    site.init(['--address', SEED, ...words], { machines, ...options });

  async function passwordFile(mode = 0o600): Promise<string> {
    const path = join(directory(), 'password');
    await writeFile(path, 'correct horse\n');
    await chmod(path, mode);
    return path;
  }

  it('takes the password from a file or from the terminal, and shows it to nobody', async () => {
    const key = ['--host-key', FINGERPRINT];
    const told = [
      await run(['--root-pass-file', await passwordFile(), ...key]),
      await run(['--root-pass', '--debug', '--json', ...key], { secret: 'correct horse' }),
    ];
    expect(logins).toEqual([{ password: 'correct horse' }, { password: 'correct horse' }]);
    for (const { status, out, err } of told) {
      expect(status).not.toBe(0);
      expect(out + err).not.toContain('horse');
    }
    expect(await site.text()).toBeUndefined();
  });

  it('asks about a host key that nobody has vouched for, and --yes does not answer', async () => {
    const flags = ['--root-pass-file', await passwordFile(), '--yes', '--unsigned'];
    expect(await run(flags)).toMatchObject({ status: 6, err: expect.stringContaining(`give: --host-key ${FINGERPRINT}`) });
    expect(await run(flags, { typed: 'n\n' })).toMatchObject({ status: 6, err: expect.stringContaining(`key ${FINGERPRINT}`) });
    expect(logins).toEqual([]);
    await run(flags, { typed: 'y\n' });
    expect(logins).toEqual([{ password: 'correct horse' }]);
  });

  it('refuses a password file that others may read, and more than one login', async () => {
    expect(await run(['--root-pass-file', await passwordFile(0o640)])).toMatchObject({
      status: 3,
      err: expect.stringContaining('SECRET_EXPOSED'),
    });
    expect(await run(['--root-pass', '--private-key', '/x'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('Give one of them'),
    });
    expect(logins).toEqual([]);
  });

  it.each([['--root-pass', 'correct-horse'], ['--root-pass=correct-horse'], ['--exdb-passwd', 'correct-horse']])(
    'shows nobody a password in the arguments: %s',
    async (...words) => {
      const { status, out, err } = await run(words);
      expect(status).toBe(2);
      expect(out + err).not.toContain('horse');
    },
  );
});

describe('grctl init of the shipped platform', () => {
  it("takes the words of upstream's installer", async () => {
    const shipped = await writeSampleBundle(join(directory(), 'shipped.tar'), await shippedManifests());
    const { init } = await bare(shipped);
    const words = ['--role', 'manage,compute,gateway', '--domain', 'apps.example.com', '--network', 'flannel', '--plan'];
    const storage = ['--storage', 'nas', '--storage-args', '10.0.0.5:/export /grdata nfs vers=3,nolock,noatime 0 0'];
    const { status, out, err } = await init([...words, ...storage], { name: 'grctl' });
    expect({ status, err }).toEqual({ status: 0, err: '' });
    for (const line of [
      '  name: rainbond',
      '  domain: apps.example.com',
      '      roles: [manage, compute, gateway]',
      '    network: flannel',
      '    storage: { choice: nas, server: 10.0.0.5, path: /export, options: "vers=3,nolock,noatime" }',
    ]) {
      expect(out.split('\n')).toContain(line);
    }
    const moving = await init([...words, '--vip', '10.0.0.100'], { name: 'grctl' });
    expect(moving.out.split('\n')).toContain('    vip: { choice: keepalived, address: 10.0.0.100 }');
    const refused = await init([...words, '--eip', '203.0.113.5'], { name: 'grctl' });
    expect(refused).toMatchObject({ status: 2, err: expect.stringContaining('--eip: is not taken (leave it out') });
  });
});
