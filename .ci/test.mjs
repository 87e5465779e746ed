// Set-up, build, then every check, in the order of their cost: format, lint, types, then the tests by kind, one kind after the
// other, since the lab wants the machine to itself: all of it holds the lock of the lab. Ends with every failure again, by name and
// message, and the sum over all kinds: `N passed, N failed`.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { reportEnd, runStep, takeLabLock } from './lab-lock.mjs';

const root = resolve(import.meta.dirname, '..');
const CHECKS = ['format', 'lint', 'types'];
const KINDS = [['unit', 'house'], ['authority'], ['e2e'], ['lab']];
/** Files of these tests share nothing, so that each processor runs one; Vitest leaves one of them to itself. */
const PARALLEL = new Set(['unit', 'authority']);

const work = mkdtempSync(join(tmpdir(), 'caisson-test-'));
const started = performance.now();
let passed = 0;
let failed = 0;
/** Told once more at the end: the end of a long output is what is kept of it. */
const failures = [];
/** Lines of each message that are told again. */
const MESSAGE_LINES = 20;

async function run(title, command, args) {
  const begin = performance.now();
  console.log(`\n== ${title}`);
  const status = await runStep(command, args);
  console.log(`== ${title}: ${status === 0 ? 'passed' : 'FAILED'} after ${Math.round((performance.now() - begin) / 1000)} s`);
  return status === 0;
}

/** The failed tests of one file, or the file itself where it could not be loaded. */
function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(root, name);
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (tests.length === 0) return status === 'failed' ? [`${file}\n${firstLines(message)}`] : [];
  return tests.map(({ fullName, failureMessages }) => `${file} > ${fullName}\n${firstLines(failureMessages.join('\n'))}`);
}

function firstLines(text) {
  return text
    .split('\n')
    .slice(0, MESSAGE_LINES)
    .map((line) => `    ${line}`)
    .join('\n');
}

async function everything() {
  await takeLabLock('npm test');
  const status = (await runStep('bash', ['.ci/setup.sh'])) || (await runStep('npm', ['run', 'build']));
  if (status !== 0) return status;
  for (const check of CHECKS) {
    if (await run(check, 'npm', ['run', '--silent', check])) passed += 1;
    else {
      failed += 1;
      failures.push(check);
    }
  }
  for (const [index, kind] of KINDS.entries()) {
    const report = join(work, `${index}.json`);
    const projects = kind.flatMap((project) => ['--project', project]);
    const workers = kind.some((project) => PARALLEL.has(project)) ? ['--maxWorkers', '100%'] : [];
    const reporters = ['--reporter', 'default', '--reporter', 'json', '--outputFile.json', report];
    const fine = await run(`${kind.join(' and ')} tests`, join(root, 'node_modules/.bin/vitest'), [
      'run',
      '--config',
      'test/vitest.config.ts',
      ...projects,
      ...workers,
      ...reporters,
    ]);
    const counts = JSON.parse(readFileSync(report, 'utf8'));
    passed += counts.numPassedTests;
    // A file that cannot be loaded has no tests that could fail.
    failed += Math.max(counts.numFailedTests, fine ? 0 : 1);
    const told = counts.testResults.flatMap(failuresOf);
    failures.push(...(told.length === 0 && !fine ? [`${kind.join(' and ')} tests: see above`] : told));
  }
  if (failures.length > 0) console.log(`\n== failed\n${failures.join('\n')}`);
  console.log(`\nEverything took ${Math.round((performance.now() - started) / 60_000)} min`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await everything();
} catch (error) {
  reportEnd(error);
} finally {
  rmSync(work, { recursive: true, force: true });
}
