// `build-bundle` against `skopeo sync` and `tar`, `crane pull` and `tar`, and `hauler store sync` and `store save`, over the same images from the same
// registry; and a build of what is there.
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { formatSize } from '../src/core/index.ts';
import { benchmark, sizeOption } from './support/benchmark.ts';
import { writeBuildRequest } from './support/build-request.ts';
import { goProgram } from './support/go-program.ts';
import { measure, type Measured } from './support/measure.ts';
import { median, printTable, seconds, verdict } from './support/report.ts';
import { copyImages, SKOPEO, startDockerRegistry, startGeneratedRegistry } from './support/servers.ts';

const WALL_BAR = 0.6;
const UNCHANGED_BAR_MS = 2000;
const IMAGES = 8;
const CRANE = { path: 'github.com/google/go-containerregistry/cmd/crane', version: 'v0.22.1' };
const HAULER = 'hauler.dev/go/hauler/v2/cmd/hauler@latest';
const settings = {
  title: '`build-bundle`',
  room: 11 * 2 ** 30,
  runs: 3,
  options: { size: '2GiB', 'layer-size': '32MiB', shared: '8', hauler: HAULER },
};

await benchmark(settings, async (bench) => {
  const options = { size: sizeOption(bench, 'size'), layerSize: sizeOption(bench, 'layer-size'), images: IMAGES };
  const generated = await startGeneratedRegistry({ ...options, shared: Number(bench.option('shared')) });
  const registry = await startDockerRegistry(join(bench.directory, 'registry'));
  if (registry === undefined) throw new Error('docker-registry is not installed: apt-get install docker-registry');
  await copyImages(generated.host, registry.host, generated.names);
  await generated.stop();

  const request = writeBuildRequest(bench.directory, registry.host, generated.names);
  const bundle = join(bench.directory, 'bench.tar');
  const lock = join(bench.directory, 'bundle.lock.json');
  const directory = join(bench.directory, 'synced');
  const archive = join(bench.directory, 'synced.tar');
  const list = join(bench.directory, 'sync.yaml');
  // JSON is YAML.
  const images = Object.fromEntries(generated.names.map((name) => name.split(':')).map(([name, tag]) => [name, [tag]]));
  writeFileSync(list, JSON.stringify({ [registry.host]: { 'tls-verify': false, images } }));
  const ours: Measured[] = [];
  const sync: Measured[] = [];
  const pack: Measured[] = [];
  const crane = await goProgram(CRANE);
  const pulled: Cost[] = [];
  const hauler = await findHauler(bench.option('hauler'));
  const haul = haulOf(bench.directory, registry.host, generated.names);
  const hauled: Cost[] = [];
  const stored: Cost[] = [];
  let haulSize = 0;
  let layoutSize = 0;
  let packed = 0;
  for (let run = 0; run < bench.runs; run += 1) {
    rmSync(bundle, { force: true });
    rmSync(lock, { force: true });
    ours.push(await measure([...bench.caisson, ...request.arguments, '--output', bundle]));

    sync.push(await measure([...SKOPEO, 'sync', '--src', 'yaml', '--dest', 'dir', list, directory]));
    pack.push(await measure(['tar', '-cf', archive, '-C', directory, '.']));
    packed = statSync(archive).size;
    rmSync(directory, { recursive: true });
    rmSync(archive);

    if (hauler !== undefined) {
      const store = await measure([hauler, ...haul.sync], haul);
      stored.push(store);
      hauled.push(sum(store, await measure([hauler, ...haul.save], haul)));
      haulSize = statSync(haul.archive).size;
      for (const left of [haul.store, haul.archive]) rmSync(left, { recursive: true });
    }

    if (crane === undefined) continue;
    const references = generated.names.map((name) => `${registry.host}/${name}`);
    const layout = await measure([crane, 'pull', '--insecure', '--format', 'oci', '--annotate-ref', ...references, directory]);
    pulled.push(sum(layout, await measure(['tar', '-cf', archive, '-C', directory, '.'])));
    layoutSize = statSync(archive).size;
    rmSync(directory, { recursive: true });
    rmSync(archive);
  }
  await registry.stop();
  const unchanged: Measured[] = [];
  for (let run = 0; run < bench.runs; run += 1) unchanged.push(await measure([...bench.caisson, ...request.arguments, '--output', bundle]));

  const size = statSync(bundle).size;
  const both = sync.map((part, index) => sum(part, pack[index]));
  const ratio = wall(ours) / wall(both);
  console.log(
    `${IMAGES} generated images, ${bench.option('shared')} layers in all of them, from docker-registry on loopback. Medians of ${bench.runs} runs, taken in turn.\n`,
  );
  const row = (name: string, runs: readonly Cost[], result: number, ...more: readonly string[]): string[] => [
    name,
    seconds(wall(runs)),
    seconds(median(runs.map(({ cpuMs }) => cpuMs))),
    formatSize(result),
    (median(runs.map(({ writtenBytes }) => writtenBytes)) / result).toFixed(2),
    ...more,
  ];
  printTable(
    ['what', 'wall', 'processor', 'result', 'written a byte of it', '`build-bundle` ÷ it', 'bar', 'verdict'],
    [
      row('`build-bundle`, without a lock', ours, size, '', '', ''),
      row('`skopeo sync` and `tar`', both, packed, ratio.toFixed(2), String(WALL_BAR), verdict(ratio, { atMost: WALL_BAR })),
      row('— of which `skopeo sync`', sync, packed, (wall(ours) / wall(sync)).toFixed(2), '', ''),
      ...(pulled.length === 0
        ? []
        : [
            row(
              `\`crane pull --format oci\` ${CRANE.version} and \`tar\``,
              pulled,
              layoutSize,
              (wall(ours) / wall(pulled)).toFixed(2),
              '',
              '',
            ),
          ]),
      ...(hauled.length === 0
        ? []
        : [
            row('`hauler store sync` and `store save`', hauled, haulSize, (wall(ours) / wall(hauled)).toFixed(2), '', ''),
            row('— of which `store sync`', stored, haulSize, (wall(ours) / wall(stored)).toFixed(2), '', ''),
          ]),
      row(
        '`build-bundle` of what is there, registry stopped',
        unchanged,
        size,
        '',
        '2.00 s',
        verdict(wall(unchanged), { atMost: UNCHANGED_BAR_MS }),
      ),
    ],
  );
});

/** hauler as a file that is there, or as a Go program to build. Undefined, and why, when there is none to be had. */
async function findHauler(option: string): Promise<string | undefined> {
  if (existsSync(option)) return resolve(option);
  const at = option.lastIndexOf('@');
  try {
    const program = await goProgram({ path: option.slice(0, at), version: option.slice(at + 1) });
    if (program === undefined) console.log('Without hauler: there is no Go to build it.\n');
    return program;
  } catch (error) {
    console.log(`Without hauler, which cannot be built:\n\n    ${String(error).trim().replaceAll('\n', '\n    ')}\n`);
    return undefined;
  }
}

/** How hauler is asked for the same images; what it keeps beside its store is kept in the benchmark's directory, too. */
function haulOf(directory: string, host: string, names: readonly string[]) {
  const manifest = join(directory, 'hauler.yaml');
  const images = names.map((name) => ({ name: `${host}/${name}` }));
  // JSON is YAML.
  writeFileSync(
    manifest,
    JSON.stringify({ apiVersion: 'content.hauler.cattle.io/v1', kind: 'Images', metadata: { name: 'bench' }, spec: { images } }),
  );
  const store = join(directory, 'hauled');
  const archive = join(directory, 'hauled.tar.zst');
  return {
    store,
    archive,
    sync: ['store', 'sync', '--store', store, '--filename', manifest, '--platform', 'linux/amd64'],
    save: ['store', 'save', '--store', store, '--filename', archive],
    cwd: directory,
    env: { HOME: directory, HAULER_DIR: join(directory, 'hauler'), TMPDIR: directory },
  };
}

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly writtenBytes: number;
}

function sum(left: Cost, right: Cost | undefined): Cost {
  return {
    wallMs: left.wallMs + (right?.wallMs ?? 0),
    cpuMs: left.cpuMs + (right?.cpuMs ?? 0),
    writtenBytes: left.writtenBytes + (right?.writtenBytes ?? 0),
  };
}

function wall(runs: readonly Cost[]): number {
  return median(runs.map(({ wallMs }) => wallMs));
}
