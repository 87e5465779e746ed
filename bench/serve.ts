// `serve` against docker-registry and nginx: large blobs for eight clients, and manifests a second.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { openBundle } from '../src/bundle/index.ts';
import { formatSize } from '../src/core/index.ts';
import { benchmark, sizeOption, type Bench } from './support/benchmark.ts';
import { writeBuildRequest } from './support/build-request.ts';
import { MANIFEST_TYPE, TAG } from './support/generated-images.ts';
import { cpuOf, measure, peakOf } from './support/measure.ts';
import { mebibytes, median, printTable, verdict } from './support/report.ts';
import { copyImages, pull, startDockerRegistry, startGeneratedRegistry, startNginx, startServe, type Server } from './support/servers.ts';

const CLIENTS = 8;
const REPOSITORY = 'bench/image-0';
/** How long each round asks for manifests, roughly. */
const MANIFEST_SECONDS = 2;
const FIRST_ROUND_REQUESTS = 100;
const settings = {
  title: '`serve`',
  room: 7 * 2 ** 30,
  runs: 3,
  options: { 'blob-size': '1GiB', blobs: '2', pulls: '1', nginx: 'nginx' },
};

interface Candidate {
  readonly name: string;
  readonly server: Server;
  /** Addresses of the blobs. */
  readonly blobs: readonly string[];
  /** Address of a manifest; undefined for who knows none. */
  readonly manifest?: string;
  /** What our throughput, and our manifests a second, must be at least, as a multiple of this one's. */
  readonly bars?: { readonly blobs: number; readonly manifests?: number };
  readonly throughput: number[];
  /** Seconds of its processor time for a GiB. */
  readonly cpu: number[];
  readonly rate: number[];
  /** Milliseconds of its processor time for a thousand manifests. */
  readonly rateCpu: number[];
}

await benchmark(settings, async (bench) => {
  const candidates = await startCandidates(bench);
  const pulls = Number(bench.option('pulls'));
  // The first round only brings everything into memory, and tells how fast each is.
  for (let round = 0; round <= bench.runs; round += 1) {
    for (const candidate of candidates) {
      await measureBlobs(candidate, pulls);
      await measureManifests(candidate);
    }
  }

  const [ours] = candidates;
  if (ours === undefined) throw new Error('Nothing was measured');
  console.log(
    `${CLIENTS} clients, each pulling ${pulls} × ${formatSize(sizeOption(bench, 'blob-size'))} of ${bench.option('blobs')} blobs; a manifest is asked for by tag on kept connections. Page cache warm, medians of ${bench.runs} runs, taken in turn.\n`,
  );
  printTable(
    ['server', 'blobs a second', 'its processor a GiB', 'ours ÷ it', 'bar', 'verdict', 'peak resident'],
    candidates.map(({ name, throughput, cpu, bars, server }) => {
      const ratio = warm(ours.throughput) / warm(throughput);
      const judged = bars === undefined ? ['', '', ''] : [ratio.toFixed(2), String(bars.blobs), verdict(ratio, { atLeast: bars.blobs })];
      // nginx works in processes of its own beside the first.
      const own = name.startsWith('nginx') ? ['', ''] : [`${warm(cpu).toFixed(2)} s`, mebibytes(peakOf(server.pid))];
      return [name, mebibytes(warm(throughput)), own[0] ?? '', ...judged, own[1] ?? ''];
    }),
  );
  console.log('');
  printTable(
    ['server', 'manifests a second', 'its processor a thousand', 'ours ÷ it', 'bar', 'verdict'],
    candidates
      .filter(({ rate }) => rate.length > 0)
      .map(({ name, rate, rateCpu, bars }) => {
        const ratio = warm(ours.rate) / warm(rate);
        const bar = bars?.manifests;
        return [
          name,
          warm(rate).toFixed(0),
          `${warm(rateCpu).toFixed(0)} ms`,
          ...(bar === undefined ? ['', '', ''] : [ratio.toFixed(1), String(bar), verdict(ratio, { atLeast: bar })]),
        ];
      }),
  );
  for (const { server } of candidates) await server.stop();
});

/** The same blobs behind every server, from one generated image. */
async function startCandidates(bench: Bench): Promise<Candidate[]> {
  const layerSize = sizeOption(bench, 'blob-size');
  const generated = await startGeneratedRegistry({ size: layerSize * Number(bench.option('blobs')), layerSize, images: 1, shared: 0 });
  const request = writeBuildRequest(bench.directory, generated.host, generated.names);
  const bundle = join(bench.directory, 'bench.tar');
  await measure([...bench.caisson, ...request.arguments, '--output', bundle]);
  const registry = await startDockerRegistry(join(bench.directory, 'registry'));
  if (registry === undefined) throw new Error('docker-registry is not installed: apt-get install docker-registry');
  await copyImages(generated.host, registry.host, generated.names);
  await generated.stop();

  const reader = await openBundle(bundle);
  const image = reader.manifest.images[0];
  const digests = image?.platforms[0]?.layers.map(({ digest }) => digest) ?? [];
  await reader.close();
  const repository = image?.name.replace(/:[^:/]+$/, '') ?? '';
  const fresh = (): Pick<Candidate, 'throughput' | 'cpu' | 'rate' | 'rateCpu'> => ({ throughput: [], cpu: [], rate: [], rateCpu: [] });
  const registryPaths = (name: string): Pick<Candidate, 'blobs' | 'manifest'> => ({
    blobs: digests.map((digest) => `/v2/${name}/blobs/${digest}`),
    manifest: `/v2/${name}/manifests/${TAG}`,
  });
  const candidates: Candidate[] = [
    { name: '`caisson serve`', server: await startServe(bench, bundle), ...registryPaths(repository), ...fresh() },
    { name: 'docker-registry', server: registry, ...registryPaths(REPOSITORY), bars: { blobs: 1, manifests: 20 }, ...fresh() },
  ];

  const files = join(bench.directory, 'files');
  mkdirSync(files);
  for (const digest of digests) symlinkSync(storedAt(join(bench.directory, 'registry/storage'), digest), join(files, digest));
  const nginx = await startNginx(bench.option('nginx'), join(bench.directory, 'nginx'), files);
  if (nginx === undefined) console.log('nginx is not installed (apt-get install nginx-light), or name it with --nginx: left out.\n');
  else
    candidates.push({
      name: 'nginx, sendfile',
      server: nginx,
      blobs: digests.map((digest) => `/${digest}`),
      bars: { blobs: 0.8 },
      ...fresh(),
    });
  return candidates;
}

/** Where docker-registry keeps a blob. */
function storedAt(storage: string, digest: string): string {
  const hex = digest.replace('sha256:', '');
  return join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
}

async function measureBlobs({ server, blobs, throughput, cpu }: Candidate, pulls: number): Promise<void> {
  const before = cpuOf(server.pid);
  const { ms, bytes } = await pull({ host: server.host, clients: CLIENTS, paths: blobs, accept: '*/*', requests: pulls });
  throughput.push((bytes * 1000) / ms);
  cpu.push(((cpuOf(server.pid) - before) * 2 ** 30) / bytes / 1000);
}

async function measureManifests({ server, manifest, rate, rateCpu }: Candidate): Promise<void> {
  if (manifest === undefined) return;
  const last = rate.at(-1);
  const requests = last === undefined ? FIRST_ROUND_REQUESTS : Math.ceil((last * MANIFEST_SECONDS) / CLIENTS);
  const before = cpuOf(server.pid);
  const { ms } = await pull({ host: server.host, clients: CLIENTS, paths: [manifest], accept: MANIFEST_TYPE, requests });
  rate.push((CLIENTS * requests * 1000) / ms);
  rateCpu.push(((cpuOf(server.pid) - before) * 1000) / (CLIENTS * requests));
}

/** The median of all rounds but the first. */
function warm(values: readonly number[]): number {
  return median(values.slice(1));
}
