// Peak resident memory of build-bundle, verify and serve, and the bytes that a build writes.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatSize } from '../src/core/index.ts';
import { openBundle } from '../src/bundle/index.ts';
import { benchmark, sizeOption } from './support/benchmark.ts';
import { writeBuildRequest } from './support/build-request.ts';
import { measure, peakOf } from './support/measure.ts';
import { mebibytes, printTable, seconds, verdict } from './support/report.ts';
import { pull, startGeneratedRegistry, startServe } from './support/servers.ts';

const MEMORY_BAR = 256 * 2 ** 20;
const WRITE_BAR = 1.05;
const CLIENTS = 8;
const settings = { title: 'Memory, and bytes written', room: 5 * 2 ** 30, runs: 1, options: { size: '4GiB', 'layer-size': '64MiB' } };

await benchmark(settings, async (bench) => {
  const size = sizeOption(bench, 'size');
  const registry = await startGeneratedRegistry({ size, layerSize: sizeOption(bench, 'layer-size'), images: 8, shared: 8 });
  const request = writeBuildRequest(bench.directory, registry.host, registry.names);
  const bundle = join(bench.directory, 'bench.tar');
  const build = async (...more: readonly string[]): ReturnType<typeof measure> => {
    rmSync(bundle, { force: true });
    return await measure([...bench.caisson, ...request.arguments, '--output', bundle, ...more]);
  };

  const idle = await measure([...bench.caisson, '--version']);
  const manyJobs = await build('--jobs', '64');
  const built = await build();
  const bytes = statSync(bundle).size;
  await registry.stop();
  const verified = await measure([...bench.caisson, 'verify', bundle]);
  const served = await serveAll(bundle);

  console.log(`Bundle of ${formatSize(bytes)} from ${registry.names.length} generated images with shared layers.\n`);
  const row = (what: string, peak: number, ms?: number): string[] => [
    what,
    mebibytes(peak),
    '256 MiB',
    verdict(peak, { atMost: MEMORY_BAR }),
    ms === undefined ? '' : seconds(ms),
  ];
  printTable(
    ['command', 'peak resident', 'bar', 'verdict', 'wall'],
    [
      row('`--version` (Node and the program, doing nothing)', idle.peakBytes, idle.wallMs),
      row('`build-bundle`', built.peakBytes, built.wallMs),
      row('`build-bundle --jobs 64`', manyJobs.peakBytes, manyJobs.wallMs),
      row('`verify`', verified.peakBytes, verified.wallMs),
      row(`\`serve\`, after ${CLIENTS} clients pulled ${formatSize(served.bytes)} in parallel`, served.peak, served.ms),
    ],
  );
  console.log('');
  const written = built.writtenBytes / bytes;
  const dirtied = built.dirtiedBytes / bytes;
  printTable(
    ['bytes written by `build-bundle`', 'bytes', 'a bundle byte', 'bar', 'verdict'],
    [
      [
        'write calls, sockets and pipes included',
        String(built.writtenBytes),
        written.toFixed(4),
        '1.05',
        verdict(written, { atMost: WRITE_BAR }),
      ],
      ['pages made dirty, for the disk', String(built.dirtiedBytes), dirtied.toFixed(4), '1.05', verdict(dirtied, { atMost: WRITE_BAR })],
    ],
  );
  if (written < 1) throw new Error('Fewer bytes were counted than the bundle has: the counter does not see how this command writes');

  async function serveAll(path: string): Promise<{ readonly peak: number; readonly bytes: number; readonly ms: number }> {
    const paths = await blobPaths(path);
    const server = await startServe(bench, path);
    const task = { host: server.host, clients: CLIENTS, paths, accept: '*/*', requests: paths.length };
    const result = await pull(task);
    const peak = peakOf(server.pid);
    await server.stop();
    return { peak, ...result };
  }
});

/** The address of every blob, in any repository. */
async function blobPaths(path: string): Promise<string[]> {
  const reader = await openBundle(path);
  const [image] = reader.manifest.images;
  const repository = image?.name.replace(/:[^:/]+$/, '');
  const blobs = reader.manifest.entries.filter(({ kind }) => kind === 'blob');
  await reader.close();
  return blobs.map(({ digest }) => `/v2/${repository}/blobs/${digest}`);
}
