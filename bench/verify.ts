// `verify` of a bundle against sha256sum (and openssl, which uses the processor's SHA instructions) of the same file.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatSize } from '../src/core/index.ts';
import { writeGeneratedBundle } from '../test/support/generated-bundle.ts';
import { benchmark, sizeOption } from './support/benchmark.ts';
import { measure, type Measured } from './support/measure.ts';
import { mebibytes, median, printTable, seconds, verdict } from './support/report.ts';

const BAR = 0.7;
const settings = { title: '`verify`', room: 5 * 2 ** 30, runs: 3, options: { size: '4GiB', blobs: '64' } };

await benchmark(settings, async (bench) => {
  const bundle = join(bench.directory, 'bench.tar');
  const blobs = Number(bench.option('blobs'));
  await writeGeneratedBundle({ output: bundle, blobs, blobSize: Math.floor(sizeOption(bench, 'size') / blobs) });
  const commands = [
    { name: '`caisson verify`', argv: [...bench.caisson, 'verify', bundle], runs: [] as Measured[] },
    { name: '`sha256sum`', argv: ['sha256sum', bundle], runs: [] as Measured[] },
    { name: '`openssl dgst -sha256`', argv: ['openssl', 'dgst', '-sha256', bundle], runs: [] as Measured[] },
  ];
  // In turn, so that what else the machine does hits all alike; the first round only has the file come into memory.
  for (let round = 0; round <= bench.runs; round += 1) {
    for (const { argv, runs } of commands) {
      const measured = await measure(argv);
      if (round > 0) runs.push(measured);
    }
  }

  const wall = (runs: readonly Measured[]): number => median(runs.map(({ wallMs }) => wallMs));
  const ours = wall(commands[0]?.runs ?? []);
  const size = statSync(bundle).size;
  console.log(
    `Bundle of ${formatSize(size)} in ${blobs} generated blobs, in the page cache. Medians of ${bench.runs} runs, taken in turn.\n`,
  );
  printTable(
    ['command', 'wall', 'processor', 'MiB a second', '`verify` ÷ it', 'bar', 'verdict'],
    commands.map(({ name, runs }, index) => [
      name,
      seconds(wall(runs)),
      seconds(median(runs.map(({ cpuMs }) => cpuMs))),
      mebibytes((size * 1000) / wall(runs)),
      index === 0 ? '' : (ours / wall(runs)).toFixed(2),
      ...(index === 1 ? [String(BAR), verdict(ours / wall(runs), { atMost: BAR })] : ['', '']),
    ]),
  );
  rmSync(bundle);
});
