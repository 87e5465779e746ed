import { describe, expect, it } from 'vitest';
import { HostsUnfitError } from '../../src/preflight/index.ts';
import { SIMULATION_SCRIPT } from '../../src/resources/packages/apt/simulation.ts';
import { planInstall } from '../../src/usecases/index.ts';
import { useSampleSites } from '../support/use-sites.ts';
import { useTempDir } from '../support/temp-dir.ts';
import type { SimulatedMachine } from '../support/simulated-machine.ts';

const site = useSampleSites(useTempDir()).open;

const REMOVES = `@@ simulation
Remv containerd.io [1.6.33-1]
Inst docker.io (20.10 Caisson:bookworm [amd64])
@@ installed
install\tinstalled\tcontainerd.io\t1.6.33-1\tA Vendor <vendor@example.com>
@@ going
containerd.io\t\tcontainerd, docker.io
@@ end
`;

function questions({ lines }: SimulatedMachine): number {
  const script = SIMULATION_SCRIPT.slice(0, SIMULATION_SCRIPT.indexOf("'"));
  return lines.filter((line) => line.includes(script)).length;
}

describe('the plan of an install', () => {
  it('says for each host which packages come with what they need, and asks no host where none come', async () => {
    const three = await site();
    for (const machine of three.machines) machine.packageNeeds.set('docker.io', ['runc']);
    const { packages } = await planInstall(three.options);
    expect([...packages.keys()].sort()).toEqual(['f1', 'f2', 'm1']);
    for (const { installs, upgrades } of packages.values()) {
      expect(installs.map(({ name }) => name)).toEqual(expect.arrayContaining(['runc', 'docker.io']));
      expect(upgrades).toEqual([]);
    }
    await three.install();
    const asked = three.machines.map(questions);
    expect(Math.min(...asked)).toBeGreaterThan(0);
    expect((await planInstall(three.options)).packages.size).toBe(0);
    expect(three.machines.map(questions)).toEqual(asked);
  });

  it('is refused with a remedy where a host would lose a package, before any host is changed', async () => {
    const three = await site();
    three.machine('f2').unfit = REMOVES;
    const before = three.machines.map((machine) => machine.state());
    const error = await three.install().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(HostsUnfitError);
    expect(error).toMatchObject({
      code: 'HOSTS_UNFIT',
      findings: [
        {
          host: 'f2',
          problem:
            'installing the packages of the bundle would remove containerd.io 1.6.33-1 of "A Vendor <vendor@example.com>": it conflicts with docker.io',
          remedy: expect.stringContaining('apt-get remove containerd.io'),
        },
      ],
    });
    expect(three.machines.map((machine) => machine.state())).toEqual(before);
  });
});
