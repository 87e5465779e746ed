// Changes the source of folders in small ways, one at a time, and counts how many of these mutants their tests notice
// (StrykerJS). On demand: a folder takes minutes. A path below src/ names a folder or a file; its tests are the unit tests at
// the same place below test/ (--tests names others, --authority takes those that ask real tools, too). Reports go to coverage/mutation/.
//   npm run mutate -- bundle
//   npm run mutate -- ospkg/apt/solve.ts ospkg/apt/closure.ts
//   npm run mutate -- plan/order.ts --tests plan --tests usecases/model.test.ts --concurrency 1
//   npm run mutate -- site --sample 60 --seed 2
//   npm run mutate -- site --minutes 15
// --sample tries so many mutants only, drawn from all files of the place; --seed (1 unless told) draws others, and the same draw
// again as long as the files are the same. --minutes ends the run then, with what was found: the mutants are drawn one by one then,
// too. --skip-static leaves out mutants in what a module does when it is loaded, each of which costs a run of all tests.
import { existsSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { countMutable, countMutants } from './mutate-reporter.mjs';

const root = resolve(import.meta.dirname, '..');
process.chdir(root);

const { values: flags, positionals: places } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: 'string', multiple: true },
    concurrency: { type: 'string' },
    authority: { type: 'boolean' },
    minutes: { type: 'string' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    'skip-static': { type: 'boolean' },
  },
});
const missing = places.filter((place) => !existsSync(join(root, 'src', place)));
if (places.length === 0 || missing.length > 0) {
  console.error(
    missing.length > 0 ? `there is no src/${missing.join(', src/')}` : 'name a folder or a file below src/: npm run mutate -- bundle',
  );
  process.exit(2);
}
if (flags.minutes !== undefined && !(Number(flags.minutes) > 0)) {
  console.error(`--minutes wants a number of minutes, not "${flags.minutes}"`);
  process.exit(2);
}
if (flags.sample !== undefined && !/^[1-9]\d*$/.test(flags.sample)) {
  console.error(`--sample wants a number of mutants, not "${flags.sample}"`);
  process.exit(2);
}

const isFolder = (place) => statSync(join(root, 'src', place)).isDirectory();
const testsOf = (place) => `test/${isFolder(place) ? place : dirname(place)}/**/*.test.ts`;
const named = (place) => (place.endsWith('.ts') ? `test/${place}` : `test/${place}/**/*.test.ts`);
const name = places
  .join(' ')
  .replace(/\.ts\b/g, '')
  .replaceAll(/[/ ]/g, '-');
// Read by .ci/vitest.mutate.config.mjs, in the processes that Stryker starts.
process.env.MUTATE_TESTS = JSON.stringify([...new Set(flags.tests === undefined ? places.map(testsOf) : flags.tests.map(named))]);
if (flags.authority) process.env.MUTATE_AUTHORITY = '1';
// Read by .ci/mutate-reporter.mjs.
const report = `coverage/mutation/${name}.json`;
process.env.MUTATE_REPORT = report;
if (flags.minutes !== undefined) process.env.MUTATE_UNTIL = String(Date.now() + Number(flags.minutes) * 60_000);
const drawing = flags.sample !== undefined || flags.minutes !== undefined;
// Read by .ci/mutate-sample.mjs.
const sample = { ...(flags.sample === undefined ? {} : { size: Number(flags.sample) }), seed: flags.seed };
if (drawing) process.env.MUTATE_SAMPLE = JSON.stringify(sample);

const work = mkdtempSync(join(tmpdir(), 'caisson-mutate-'));
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.on('exit', () => {
  // The processes that run tests end only after this, and may write there meanwhile.
  for (let tries = 0; tries < 20 && existsSync(work); tries += 1) {
    try {
      rmSync(work, { recursive: true, force: true });
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
});
// Stryker links a node_modules that is a directory into its copy, and misses one that is a link itself.
symlinkSync(realpathSync('node_modules'), join(work, 'node_modules'));

// Threads run the text of this function alone, and lack the functions that StrykerJS puts calls of into it.
const TEXT_OF_THREADS = 'src/bundle/hash/hash-runs.ts';

const results = await new Stryker({
  mutate: [...places.map((place) => (isFolder(place) ? `src/${place}/**/*.ts` : `src/${place}`)), `!${TEXT_OF_THREADS}`],
  testRunner: 'vitest',
  plugins: [
    '@stryker-mutator/vitest-runner',
    ...['mutate-reporter.mjs', 'mutate-sample.mjs'].map((file) => join(import.meta.dirname, file)),
  ],
  checkers: drawing ? ['sample'] : [],
  vitest: { configFile: '.ci/vitest.mutate.config.mjs', related: false },
  coverageAnalysis: 'perTest',
  // A busy machine is not taken for a mutant that never ends.
  timeoutMS: 60_000,
  timeoutFactor: 4,
  dryRunTimeoutMinutes: 30,
  ignoreStatic: flags['skip-static'] === true,
  concurrency: flags.concurrency === undefined ? Math.max(1, Math.floor(availableParallelism() / 2)) : Number(flags.concurrency),
  // Words of messages are not what these tests are for; codes and hints have tests of their own.
  mutator: { excludedMutations: ['StringLiteral'] },
  ignorePatterns: ['dist', 'bundles', 'coverage', '.lab'],
  tempDirName: work,
  reporters: ['clear-text', 'json', 'html', 'bounded', process.stdout.isTTY ? 'progress' : 'progress-append-only'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: report },
  htmlReporter: { fileName: `coverage/mutation/${name}.html` },
  thresholds: { high: 80, low: 60, break: null },
  logLevel: 'warn',
  allowEmpty: false,
}).runMutationTest();
const drawn = flags.sample === undefined ? '' : `, drawn with seed ${flags.seed} from ${countMutable(results)}`;
console.log(`${places.join(', ')}: ${countMutants(results)}${drawn}`);
