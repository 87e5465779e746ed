import { beforeAll, describe, expect, it } from 'vitest';
import { parseClusterSpec, resolveTopology, type Topology } from '../../src/cluster/index.ts';
import { silent, systemClock } from '../../src/core/index.ts';
import type { Host } from '../../src/host/index.ts';
import { loadManifests } from '../../src/manifests/index.ts';
import { checkHosts, HostsUnfitError, type ConnectedHosts } from '../../src/preflight/index.ts';
import { clusterYaml, MANIFESTS, type SampleNode } from '../support/sample-install.ts';
import { Installer, SimulatedMachine } from '../support/simulated-machine.ts';
import { memoryTree } from '../support/memory-tree.ts';
import { bundle } from './sample-bundle.ts';
import { hostStateScript } from '../../src/preflight/host-state.ts';
import { HOST_TOOLS, SITE_TOOLS } from '../support/site-tools.ts';

const NODES = Array.from({ length: 80 }, (_, index): SampleNode => ({
  name: `n${index}`,
  address: `10.0.1.${index + 1}`,
  roles: index === 0 ? ['manage'] : ['front'],
}));

let topology: Topology;
beforeAll(async () => {
  topology = resolveTopology(parseClusterSpec(clusterYaml(NODES), 'cluster.yaml'), await loadManifests(memoryTree(MANIFESTS)));
});

const clock = { ...systemClock, now: () => new Date(Date.UTC(2026, 0, 1)) };

/** Checks eighty machines that are fit but for what `change` does to some. */
async function check(change: (machine: SimulatedMachine) => void = () => {}, hostsAtOnce?: number) {
  const running = { now: 0, most: 0, commands: new Map<string, number>() };
  const counted = (machine: SimulatedMachine): Host => ({
    name: machine.name,
    address: machine.address,
    local: machine.local,
    run: async (command, options) => {
      running.now += 1;
      running.most = Math.max(running.most, running.now);
      running.commands.set(machine.name, (running.commands.get(machine.name) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      const result = await machine.run(command, options);
      running.now -= 1;
      return result;
    },
    upload: () => Promise.reject(new Error('preflight changes nothing')),
    close: () => machine.close(),
  });
  const options = {
    imageIds: new Map<string, string>(),
    definitions: '/opt/sample/conf',
    seedRoot: '/nowhere',
    installer: new Installer(),
  };
  const machines = NODES.map(({ name, address }, index) => new SimulatedMachine({ name, address, local: index === 0, ...options }));
  for (const machine of machines) change(machine);
  const hosts = new Map(machines.map((machine): [string, Host] => [machine.name, counted(machine)]));
  const [seed] = [...hosts.values()];
  if (seed === undefined) throw new Error('there are hosts');
  const connected: ConnectedHosts = { hosts, seed, findings: [], close: async () => {} };
  const request = { topology, bundle: bundle(), bundles: [bundle()] };
  const signal = new AbortController().signal;
  const outcome = await checkHosts(request, connected, { tools: SITE_TOOLS, clock, signal, emit: silent, hostsAtOnce }).catch(
    (error: unknown) => {
      if (error instanceof HostsUnfitError) return error;
      throw error;
    },
  );
  return { outcome, findings: outcome instanceof HostsUnfitError ? outcome.findings : [], running };
}

describe('checkHosts', () => {
  it('knows system and CPU of every host that is fit', async () => {
    const { outcome } = await check();
    if (outcome instanceof HostsUnfitError) throw outcome;
    expect(outcome.systems.size).toBe(80);
    expect(outcome.architectures.get('n79')).toBe('amd64');
  });

  it('asks at most 32 hosts at the same time, or as many as is said, each with three commands', async () => {
    expect((await check()).running.most).toBe(32);
    const { running } = await check(() => {}, 5);
    expect(running.most).toBe(5);
    expect(new Set(running.commands.values())).toEqual(new Set([3]));
  });

  it('takes a host that does not answer for a finding, and finds what is wrong with the others', async () => {
    const { findings } = await check((machine) => {
      if (machine.name === 'n3') machine.frozen = true;
      if (machine.name === 'n7') machine.facts = { systemd: '' };
    });
    expect(findings.map(({ host, problem }) => `${host}: ${problem}`)).toEqual([
      'n3: it did not say within 30 s what it is (file systems, ports, systemd)',
      'n7: systemd does not run',
    ]);
  });

  it('says by which commands an operator finds what hangs while a host says what is installed', async () => {
    const { findings } = await check((machine) => {
      const run = machine.run.bind(machine);
      const hangs = (argv: readonly string[]): boolean => machine.name === 'n3' && argv.includes(hostStateScript(HOST_TOOLS));
      machine.run = async (command, options) => (hangs(command.argv) ? { exitCode: 124, stdout: '', stderr: '' } : run(command, options));
    });
    expect(findings).toEqual([
      {
        host: 'n3',
        problem: 'it did not say within 45 s what is installed on it (units, packages, containers)',
        remedy: 'Find out on the host what hangs: systemctl is-active docker, dpkg-query --show, docker ps',
      },
    ]);
  });

  it('names each filter between hosts: before the depot, before an agent, before a component', async () => {
    const { findings } = await check((machine) => {
      if (machine.name === 'n0') machine.filtered.add('10.0.1.10 6100');
      if (machine.name === 'n5') for (const port of [5443, 2379]) machine.filtered.add(`10.0.1.1 ${port}`);
    });
    expect(findings.map(({ host, problem }) => `${host}: ${problem}`)).toEqual([
      'n0: it cannot reach n9 port 6100 (the agent): nothing came back within 5 s, so a filter drops it',
      'n5: it cannot reach n0 ports 2379, 5443 (the depot, store): nothing came back within 5 s, so a filter drops it',
    ]);
  });
});
