import { describe, expect, it } from 'vitest';
import { parseClusterSpec, type ClusterSpec } from '../../src/cluster/index.ts';
import { CaissonError } from '../../src/core/index.ts';
import { connectHosts } from '../../src/preflight/connect-hosts.ts';
import type { Machines } from '../../src/site/index.ts';
import { fakeHost, type FakeHost } from '../support/fake-host.ts';
import { clusterYaml, THREE_NODES } from '../support/sample-install.ts';

const OPTIONS = { home: '/root', directory: '/' };

function spec(more: readonly string[] = []): ClusterSpec {
  return parseClusterSpec(clusterYaml(THREE_NODES, more), 'cluster.yaml');
}

/** Machines that answer but for those that throw; `own` is this machine. */
function machines(options: { readonly own?: string; readonly failing?: Readonly<Record<string, Error>>; readonly user?: string } = {}) {
  const made: FakeHost[] = [];
  const make = (name: string, local: boolean): FakeHost => {
    const host = fakeHost({ name, local, replies: [{ argv: ['id', '-u'], answer: { stdout: `${options.user ?? '0'}\n` } }] });
    made.push(host);
    return host;
  };
  const reach: Machines = {
    connect: async ({ name }) => {
      const failure = options.failing?.[name];
      if (failure !== undefined) throw failure;
      return make(name, name === options.own);
    },
    openSeed: ({ name }) => make(name, true),
    hasAgentPorts: false,
    seedRoot: '/',
  };
  return { reach, made };
}

describe('connectHosts', () => {
  it('takes the node that is this machine for the seed', async () => {
    const connected = await connectHosts(spec(), OPTIONS, machines({ own: 'f1' }).reach);
    expect(connected.seed).toBe(connected.hosts.get('f1'));
    expect([...connected.hosts.keys()].sort()).toEqual(['f1', 'f2', 'm1']);
    expect(connected.findings).toEqual([]);
  });

  it('names every host that cannot be reached, each with its remedy, and gives the others', async () => {
    const failing = {
      m1: new CaissonError('HOST_KEY_UNKNOWN', 'Cannot trust "m1": its key is not known', { hint: 'ssh-keyscan it' }),
      f2: new Error('connect ETIMEDOUT'),
    };
    const { findings, hosts } = await connectHosts(spec(), OPTIONS, machines({ failing }).reach);
    expect(findings).toEqual([
      { host: 'm1', problem: 'Cannot trust "m1": its key is not known', remedy: 'ssh-keyscan it' },
      { host: 'f2', problem: 'connect ETIMEDOUT', remedy: 'Check the address, that sshd runs, and that nothing filters the port' },
    ]);
    expect([...hosts.keys()]).toEqual(['f1']);
  });

  it('needs to know by which address nodes reach a seed that is no node', async () => {
    const { findings } = await connectHosts(spec(), OPTIONS, machines().reach);
    expect(findings).toEqual([expect.objectContaining({ host: 'this machine', remedy: expect.stringContaining('depot.address') })]);
  });

  it('takes a machine beside the cluster for the seed, under a name that no node has', async () => {
    const { seed, findings } = await connectHosts(spec(['depot: { address: 10.0.0.99 }']), OPTIONS, machines().reach);
    expect(findings).toEqual([]);
    expect(seed).toMatchObject({ name: 'depot.sample.internal', local: true });
  });

  it('wants to be root there', async () => {
    const { findings } = await connectHosts(spec(['depot: { address: 10.0.0.99 }']), OPTIONS, machines({ user: '1000' }).reach);
    expect(findings).toEqual([{ host: 'this machine', problem: 'this process is not root', remedy: 'Run the same command with sudo' }]);
  });

  it('connects to at most 32 hosts at the same time, or to as many as is said', async () => {
    for (const [hostsAtOnce, expected] of [
      [undefined, 32],
      [3, 3],
    ] as const) {
      let [running, most] = [0, 0];
      const { reach } = machines({ own: 'n0' });
      const slow: Machines = {
        ...reach,
        connect: async (node, ssh, options) => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, 1));
          running -= 1;
          return reach.connect(node, ssh, options);
        },
      };
      const nodes = Array.from({ length: 300 }, (_, index) => ({
        name: `n${index}`,
        address: `10.1.${index >> 7}.${(index & 127) + 1}`,
        roles: ['front'],
      }));
      const { hosts } = await connectHosts(parseClusterSpec(clusterYaml(nodes), 'cluster.yaml'), { ...OPTIONS, hostsAtOnce }, slow);
      expect(hosts.size).toBe(300);
      expect(most).toBe(expected);
    }
  });

  it('takes a login that never ends for a finding after its own time, and closes the host that comes too late', async () => {
    const { reach, made } = machines({ own: 'm1' });
    let arrive = (): void => {};
    const hanging: Machines = {
      ...reach,
      connect: async (node, ssh, options) => {
        if (node.name === 'f1') await new Promise<void>((resolve) => (arrive = resolve));
        return reach.connect(node, ssh, options);
      },
    };
    const { hosts, findings } = await connectHosts(spec(), { ...OPTIONS, loginTimeoutMs: 50 }, hanging);
    expect([...hosts.keys()]).toEqual(['m1', 'f2']);
    expect(findings).toEqual([
      {
        host: 'f1',
        problem: 'Cannot log in to "f1": no end of the login within 50 ms',
        remedy: expect.stringContaining('ssh -v 10.0.0.12'),
      },
    ]);
    arrive();
    await expect.poll(() => made.map(({ name }) => name)).toContain('f1');
    await expect(made.find(({ name }) => name === 'f1')?.run({ argv: ['id', '-u'] })).rejects.toThrow('closed');
  });

  it('closes every connection', async () => {
    const { reach, made } = machines({ own: 'm1' });
    const connected = await connectHosts(spec(), OPTIONS, reach);
    await connected.close();
    for (const host of made) await expect(host.run({ argv: ['id', '-u'] })).rejects.toThrow('closed');
  });
});
