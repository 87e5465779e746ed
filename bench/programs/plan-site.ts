// Plans an install of many simulated hosts, in a process of its own so that its memory can be told. Argument: PlanTask as
// JSON. Prints PlanResult as JSON.
import { readFile } from 'node:fs/promises';
import type { Host } from '../../src/host/index.ts';
import { REAL_MACHINES, type Machines } from '../../src/site/index.ts';
import { planInstall } from '../../src/usecases/index.ts';
import type { SampleNode } from '../../test/support/sample-install.ts';
import { servedBundle, serveBundles } from '../../test/support/served-bundles.ts';
import { shippedPrograms } from '../../test/support/shipped-programs.ts';
import { simulatedSite } from '../../test/support/simulated-site.ts';
import { peakOf } from '../support/measure.ts';

export interface PlanTask {
  readonly directory: string;
  readonly bundle: string;
  readonly nodes: readonly SampleNode[];
  /** Where the platform keeps the definitions of its components. */
  readonly definitions: string;
  readonly hostsAtOnce: number;
  /** Installs first, so that the plan is that of a second run. */
  readonly isInstalled: boolean;
}

export interface PlanResult {
  readonly planMs: number;
  /** Peak resident memory (VmHWM) of the process when the plan was made. */
  readonly peakBytes: number;
  readonly steps: number;
  readonly resources: number;
  /** Commands that the plan ran on the hosts. */
  readonly commands: number;
  /** The most connections that were open at once. */
  readonly mostOpen: number;
  /** Connections that were made. */
  readonly made: number;
}

const task = JSON.parse(process.argv[2] ?? '{}') as PlanTask;
const site = await simulatedSite({ ...task });
const { hostsAtOnce } = task;
const [bundles, cluster, equip] = [
  [await servedBundle(task.bundle)],
  await readFile(site.options.clusterPath, 'utf8'),
  await shippedPrograms(),
];
for (const machine of site.machines) {
  equip(machine);
  serveBundles(machine, bundles, cluster);
}
if (task.isInstalled) await site.install({ hostsAtOnce });
const counted = countConnections(site.options.machines ?? REAL_MACHINES);
const before = site.installer.commands;
const started = performance.now();
const { plan } = await planInstall({ ...site.options, machines: counted.machines, hostsAtOnce });
const result: PlanResult = {
  planMs: performance.now() - started,
  peakBytes: peakOf(process.pid),
  steps: plan.steps.length,
  resources: plan.changes.length,
  commands: site.installer.commands - before,
  ...counted.counts,
};
console.log(JSON.stringify(result));
await site.end();

function countConnections(machines: Machines) {
  const counts = { mostOpen: 0, made: 0 };
  let open = 0;
  const connect: Machines['connect'] = async (...ofNode): Promise<Host> => {
    const host = await machines.connect(...ofNode);
    if (host.local) return host;
    open += 1;
    counts.made += 1;
    counts.mostOpen = Math.max(counts.mostOpen, open);
    return {
      name: host.name,
      address: host.address,
      local: false,
      run: async (command, options) => host.run(command, options),
      upload: async (source, path, options) => host.upload(source, path, options),
      close: async () => {
        open -= 1;
        await host.close();
      },
    };
  };
  return { machines: { ...machines, connect }, counts };
}
