// Time from starting `serve` to the first blob a client has: it must not depend on how big the bundle is.
import { rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { openBundle } from '../src/bundle/index.ts';
import { formatSize, parseSize } from '../src/core/index.ts';
import { writeGeneratedBundle } from '../test/support/generated-bundle.ts';
import { benchmark, type Bench } from './support/benchmark.ts';
import { measure } from './support/measure.ts';
import { median, printTable, seconds, verdict } from './support/report.ts';
import { startServe } from './support/servers.ts';

const BLOBS = 64;
const PART = 1024 * 1024;
const BAR_MS = 1000;
/** How much longer the large bundle may take and still count as the same, given the noise of starting a process. */
const SAME = 1.15;

interface Sparse {
  readonly size: number;
  readonly path: string;
  readonly url: string;
  readonly times: number[];
}

await benchmark({ title: 'From `serve` to the first blob', room: 2 ** 20, runs: 5, options: { sizes: '1GiB,40GiB' } }, async (bench) => {
  const bundles: Sparse[] = [];
  for (const text of bench.option('sizes').split(',')) bundles.push(await makeSparse(bench, parseSize(text)));
  const idle: number[] = [];
  for (let run = 0; run < bench.runs; run += 1) {
    idle.push((await measure([...bench.caisson, '--version'])).wallMs);
    for (const bundle of bundles) bundle.times.push(await firstBlob(bench, bundle));
  }

  const first = median(bundles[0]?.times ?? []);
  console.log(`Sparse bundles of ${BLOBS} blobs; the blob is the first MiB of a layer. Medians of ${bench.runs} runs, taken in turn.\n`);
  printTable(
    ['bundle', 'first blob after', 'least … most', '÷ the smallest', 'bar', 'verdict'],
    [
      ['(`--version`: starting Node and the program)', seconds(median(idle)), spread(idle), '', '', ''],
      ...bundles.map(({ size, path, times }) => {
        const taken = median(times);
        const good = taken <= BAR_MS && taken <= first * SAME;
        return [
          `${formatSize(size)} (${formatSize(statSync(path).blocks * 512)} on disk)`,
          seconds(taken),
          spread(times),
          (taken / first).toFixed(2),
          `1.00 s, ${SAME} ×`,
          verdict(Number(good), { atLeast: 1 }),
        ];
      }),
    ],
  );
  for (const { path } of bundles) rmSync(path);
});

async function makeSparse(bench: Bench, size: number): Promise<Sparse> {
  const path = join(bench.directory, `${size}.tar`);
  await writeGeneratedBundle({ output: path, blobs: BLOBS, blobSize: Math.floor(size / BLOBS), sparse: true });
  const reader = await openBundle(path);
  const layer = reader.manifest.images[0]?.platforms[0]?.layers[0];
  const repository = reader.manifest.images[0]?.name.replace(/:[^:/]+$/, '');
  await reader.close();
  return { size: statSync(path).size, path, url: `/v2/${repository}/blobs/${layer?.digest}`, times: [] };
}

async function firstBlob(bench: Bench, { path, url }: Sparse): Promise<number> {
  const started = performance.now();
  const server = await startServe(bench, path);
  const bytes = await getPart(`http://${server.host}${url}`);
  const taken = performance.now() - started;
  await server.stop();
  if (bytes !== PART) throw new Error(`"${url}" gave ${bytes} bytes, want ${PART}`);
  return taken;
}

async function getPart(url: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, headers: { range: `bytes=0-${PART - 1}` } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.once('end', () => resolve(bytes)).once('error', reject);
    });
    asked.once('error', reject).end();
  });
}

function spread(times: readonly number[]): string {
  return `${seconds(Math.min(...times))} … ${seconds(Math.max(...times))}`;
}
