import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Host } from '../../src/host/index.ts';
import { REAL_MACHINES, type Machines } from '../../src/site/index.ts';
import { install, reset } from '../../src/usecases/index.ts';
import { writeSampleBundle } from '../support/sample-install.ts';
import { simulatedSite, type SimulatedSite } from '../support/simulated-site.ts';
import { useTempDir } from '../support/temp-dir.ts';

const directory = useTempDir();
const sites: SimulatedSite[] = [];

afterEach(async () => {
  await Promise.all(sites.splice(0).map((site) => site.end()));
});

/** Machines whose connections and running commands are counted. */
function counted(machines: Machines) {
  const most = { connections: 0, hosts: 0 };
  const busy = new Map<string, number>();
  let open = 0;
  const whileBusy = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    busy.set(name, (busy.get(name) ?? 0) + 1);
    most.hosts = Math.max(most.hosts, [...busy.values()].filter((count) => count > 0).length);
    try {
      return await work();
    } finally {
      busy.set(name, (busy.get(name) ?? 0) - 1);
    }
  };
  const connect: Machines['connect'] = async (...ofNode): Promise<Host> => {
    const host = await machines.connect(...ofNode);
    if (host.local) return host;
    open += 1;
    most.connections = Math.max(most.connections, open);
    let isOpen = true;
    const use = async <T>(work: () => Promise<T>): Promise<T> => {
      expect(isOpen).toBe(true);
      return whileBusy(host.name, work);
    };
    return {
      name: host.name,
      address: host.address,
      local: false,
      run: async (command, options) => use(async () => host.run(command, options)),
      upload: async (source, path, options) => use(async () => host.upload(source, path, options)),
      close: async () => {
        expect(busy.get(host.name) ?? 0).toBe(0);
        isOpen = false;
        open -= 1;
        await host.close();
      },
    };
  };
  return { machines: { ...machines, connect }, most, connected: () => open };
}

it('installs and resets more hosts than it may connect, without one connection too many', async () => {
  const bundle = await writeSampleBundle(join(directory(), 'sample.tar'));
  const nodes = Array.from({ length: 8 }, (_, index) => ({
    name: `n${index}`,
    address: `10.0.0.${index + 11}`,
    roles: index === 0 ? ['manage'] : ['front'],
  }));
  const site = await simulatedSite({ directory: directory(), bundle, nodes });
  sites.push(site);
  const { machines, most, connected } = counted(site.options.machines ?? REAL_MACHINES);
  const options = { ...site.options, machines, hostsAtOnce: 2 };
  expect((await install(options, async () => true)).changed).toBeGreaterThan(0);
  expect(await install(options, async () => true)).toMatchObject({ changed: 0 });
  await reset(options, async () => true);
  expect(most).toEqual({ connections: 2, hosts: 2 });
  expect(connected()).toBe(0);
});
