// Our dependency closure of the shipped package sets against apt-get's, from the same indexes, and what it takes to build.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/core/index.ts';
import { directoryTree } from '../src/io/index.ts';
import { loadManifests } from '../src/manifests/index.ts';
import { loadAptIndex } from '../src/ospkg/apt/load-index.ts';
import type { FetchFile, PackageSet } from '../src/ospkg/index.ts';
import { DEBIAN_KEYRING, debianMirror, fetchFile } from '../test/support/debian-mirror.ts';
import { privateApt, type PrivateApt } from '../test/support/private-apt.ts';
import type { CloseResult, CloseTask } from './programs/close-sets.ts';
import { benchmark, here, type Bench } from './support/benchmark.ts';
import { measure, type Measured } from './support/measure.ts';
import { mebibytes, median, printTable, seconds, verdict } from './support/report.ts';

const BAR = 2;
const MEMORY_BAR = 256 * 2 ** 20;
const MANIFESTS = resolve(here(), '../../manifests');
const SYSTEM = 'debian-12';

await benchmark({ title: 'Package closure', room: 512 * 2 ** 20, runs: 5 }, async (bench) => {
  const manifests = await loadManifests(directoryTree(MANIFESTS));
  const system = manifests.operatingSystems.find(({ id, version }) => `${id}-${version}` === SYSTEM);
  if (system?.packages !== 'apt') throw new Error(`The shipped manifests have no ${SYSTEM}`);
  const { packageSets: sets, base } = system;
  const shipped = system.repositories.map(({ url }) => url);
  const task = await fetchIndexes(bench, sets, base.priorities);
  const apt = await prepareApt(bench, task);

  const ours: Measured[] = [];
  const warm: Measured[] = [];
  const cold: Measured[] = [];
  for (let run = 0; run < bench.runs; run += 1) {
    ours.push(await measure([process.execPath, join(here(), 'close-sets.mjs'), JSON.stringify(task)]));
    for (const name of ['pkgcache.bin', 'srcpkgcache.bin']) rmSync(join(apt.directory, 'cache', name), { force: true });
    cold.push(await closeWithApt(apt, sets));
    warm.push(await closeWithApt(apt, sets));
  }
  const results = ours.map(({ stdout }) => JSON.parse(stdout) as CloseResult);
  const { known, chosen } = results[0] ?? { known: 0, chosen: {} };
  await requireSame(apt, sets, chosen);
  const plan = await measurePlan(bench, shipped, task);

  const closing = median(results.map(({ closeMs }) => closeMs));
  const loading = median(results.map(({ loadMs }) => loadMs));
  const total = closing / wall(warm);
  const again = wall(ours) / wall(cold);
  const count = Object.values(chosen).flat().length;
  console.log(
    `${sets.length} sets and the base of ${SYSTEM}, chosen from ${known} packages; each set is the one that apt chooses (${count} choices in all, base and siblings included). Medians of ${bench.runs} runs, taken in turn.\n`,
  );
  const row = (name: string, ms: number, cpu: readonly Measured[], ...more: readonly string[]): string[] => [
    name,
    seconds(ms),
    cpu.length === 0 ? '' : seconds(median(cpu.map(({ cpuMs }) => cpuMs))),
    ...more,
  ];
  printTable(
    ['what', 'wall', 'processor', 'ours ÷ apt', 'bar', 'verdict'],
    [
      row(
        'our closure: sets, base and siblings, in a loaded index',
        closing,
        [],
        total.toFixed(2),
        String(BAR),
        verdict(total, { atMost: BAR }),
      ),
      row('`apt-get --print-uris install` for each set, with its binary cache', wall(warm), warm, '', '', ''),
      row(
        'our program from start to end, from compressed indexes',
        wall(ours),
        ours,
        again.toFixed(2),
        String(BAR),
        verdict(again, { atMost: BAR }),
      ),
      row('— of which signatures, decompression and parsing', loading, [], '', '', ''),
      row('the same of apt, making its cache from lists on disk', wall(cold), cold, '', '', ''),
    ],
  );
  console.log('');
  printTable(
    ['command', 'peak resident', 'bar', 'verdict', 'wall'],
    [
      [
        '`build-bundle --plan` of the shipped packages, no images',
        mebibytes(plan.peakBytes),
        '256 MiB',
        verdict(plan.peakBytes, { atMost: MEMORY_BAR }),
        seconds(plan.wallMs),
      ],
    ],
  );
});

/** Reads the indexes once, as a build does, and keeps what was asked for. */
async function fetchIndexes(bench: Bench, sets: readonly PackageSet[], priorities: readonly string[]): Promise<CloseTask> {
  const directory = join(bench.directory, 'fetched');
  mkdirSync(directory);
  const fetch: FetchFile = async (url, options) => {
    const bytes = await fetchFile(url, options);
    if (bytes !== undefined) writeFileSync(join(directory, encodeURIComponent(url)), bytes);
    return bytes;
  };
  const sources = await debianMirror();
  await loadAptIndex(sources, { architecture: 'amd64', fetch, clock: systemClock });
  return {
    directory,
    sources: sources.map(({ url, suites }) => ({ url, suites })),
    keyring: fileURLToPath(DEBIAN_KEYRING),
    sets: sets.map(({ name, packages }) => ({ name, packages })),
    priorities,
  };
}

async function prepareApt(bench: Bench, { sources, keyring }: CloseTask): Promise<PrivateApt> {
  const lines = sources.flatMap(({ url, suites }) => suites.map((suite) => `deb [arch=amd64 signed-by=${keyring}] ${url} ${suite} main\n`));
  const apt = privateApt(join(bench.directory, 'apt'), lines.join(''));
  const { status, stderr } = await apt.get('update');
  if (status !== 0) throw new Error(`apt-get update failed:\n${stderr}`);
  return apt;
}

/** All sets one after the other, as one cost. */
async function closeWithApt(apt: PrivateApt, sets: readonly PackageSet[]): Promise<Measured> {
  const commands = sets.map(({ packages }) => `apt-get -qq --print-uris install ${packages.join(' ')} >&2`);
  return await measure(['sh', '-ec', commands.join('\n')], { env: { LC_ALL: 'C', APT_CONFIG: join(apt.directory, 'apt.conf') } });
}

async function requireSame(apt: PrivateApt, sets: readonly PackageSet[], chosen: CloseResult['chosen']): Promise<void> {
  for (const { name, packages } of sets) {
    const theirs = await apt.wouldInstall('install', ...packages);
    const own = [...(chosen[name] ?? [])].sort();
    if (own.join('\n') !== theirs.join('\n'))
      throw new Error(`The closures of set "${name}" differ:\n${own.join(', ')}\n${theirs.join(', ')}`);
  }
}

/** The real command over the shipped manifests, from the mirror of this machine; the network is in its wall time. */
async function measurePlan(bench: Bench, shipped: readonly string[], { sources }: CloseTask): Promise<Measured> {
  const images = join(bench.directory, 'images.txt');
  const executable = join(bench.directory, 'executable');
  // The images of the shipped components are listed, and wanted for another platform: packages alone are planned.
  const lines = readFileSync(join(MANIFESTS, '../images.txt'), 'utf8').split('\n');
  writeFileSync(images, lines.map((line) => (line === '' || line.startsWith('#') ? '' : `${line} platforms=linux/arm64\n`)).join(''));
  writeFileSync(executable, 'stands for the executable\n');
  const isSecurity = (url: string): boolean => url.includes('security');
  // --mirror replaces scheme and host, and the path stays.
  const mirrors = shipped.map((url) => {
    const mirror = sources.find((source) => isSecurity(source.url) === isSecurity(url))?.url ?? url;
    return `${new URL(url).host}=${mirror.replace(/\/+$/, '').replace(new RegExp(`${new URL(url).pathname}$`), '')}`;
  });
  const files = [`--manifests=${MANIFESTS}`, `--images=${images}`, `--executable=${executable}`];
  const lock = `--lock=${join(bench.directory, 'bundle.lock.json')}`;
  return await measure([...bench.caisson, 'build-bundle', '--plan', ...files, lock, ...mirrors.map((mirror) => `--mirror=${mirror}`)]);
}

function wall(runs: readonly Measured[]): number {
  return median(runs.map(({ wallMs }) => wallMs));
}
