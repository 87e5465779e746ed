// Time and memory of `install --plan` for a large cluster: both must stay small, and connections within their number.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { shippedManifests, writeSampleBundle, type SampleNode } from '../test/support/sample-install.ts';
import { benchmark, here, type Bench } from './support/benchmark.ts';
import { measure } from './support/measure.ts';
import { mebibytes, median, printTable, seconds, verdict } from './support/report.ts';
import type { PlanResult, PlanTask } from './programs/plan-site.ts';

const BAR_MS = 10_000;
const BAR_BYTES = 400 * 2 ** 20;

const options = { hosts: '300', parallel: '32', installed: 'yes' };

await benchmark({ title: '`install --plan` of many hosts', room: 2 ** 26, runs: 3, options }, async (bench) => {
  const [hosts, parallel] = [Number(bench.option('hosts')), Number(bench.option('parallel'))];
  const bundle = await writeSampleBundle(join(bench.directory, 'shipped.tar'), await shippedManifests());
  const cases = [{ name: 'of a new cluster', isInstalled: false, results: new Array<PlanResult>() }];
  if (bench.option('installed') === 'yes') cases.push({ name: 'of one that is installed, nothing to do', isInstalled: true, results: [] });
  for (let run = 0; run < bench.runs; run += 1) {
    for (const { isInstalled, results } of cases) results.push(await plan(bench, { bundle, hosts, parallel, isInstalled }));
  }

  console.log(
    `The shipped manifests on ${hosts} simulated hosts that answer at once; medians of ${bench.runs} runs, each a new process.\n`,
  );
  printTable(
    ['plan', 'resources', 'steps', 'commands', 'wall', 'bar', 'verdict', 'peak resident', 'bar', 'verdict', 'most connections', 'made'],
    cases.map(({ name, isInstalled, results }) => {
      const [{ resources = 0, steps = 0, commands = 0, made = 0 } = {}] = results;
      const [ms, bytes] = [median(results.map(({ planMs }) => planMs)), median(results.map(({ peakBytes }) => peakBytes))];
      const most = Math.max(...results.map(({ mostOpen }) => mostOpen));
      // After an install, the memory of the process is that of the install and of all the simulated hosts.
      const memory = isInstalled ? ['', '', ''] : [mebibytes(bytes), '400 MiB', verdict(bytes, { atMost: BAR_BYTES })];
      const time = [seconds(ms), seconds(BAR_MS), verdict(ms, { atMost: BAR_MS })];
      return [name, `${resources}`, `${steps}`, `${commands}`, ...time, ...memory, `${most} of ${parallel}`, `${made}`];
    }),
  );
});

async function plan(
  bench: Bench,
  {
    bundle,
    hosts,
    parallel,
    isInstalled,
  }: { readonly bundle: string; readonly hosts: number; readonly parallel: number; readonly isInstalled: boolean },
): Promise<PlanResult> {
  const task: PlanTask = {
    directory: mkdtempSync(join(bench.directory, 'site-')),
    bundle,
    nodes: Array.from({ length: hosts }, (_, index) => node(index)),
    definitions: '/opt/rainbond/conf',
    hostsAtOnce: parallel,
    isInstalled,
  };
  const { stdout } = await measure([process.execPath, join(here(), 'plan-site.mjs'), JSON.stringify(task)]);
  return JSON.parse(stdout) as PlanResult;
}

/** Three hosts that manage, two gateways, the others compute. */
function node(index: number): SampleNode {
  const role = index < 3 ? 'manage' : index < 5 ? 'gateway' : 'compute';
  return { name: `n${index + 1}`, address: `10.1.${index >> 7}.${(index & 127) + 1}`, roles: [role] };
}
