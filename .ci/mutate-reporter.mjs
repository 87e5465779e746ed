// The reporter of .ci/mutate.mjs. It says what became of the mutants, and ends a run whose minutes are over (MUTATE_UNTIL, in
// milliseconds since the epoch): what was found until then is said and written as that of a whole run is (MUTATE_REPORT).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import { drawMutants } from './mutate-sample.mjs';

const NOT_COUNTED = new Set(['Ignored', 'CompileError', 'Pending']);
// A RuntimeError is one outside of a test: vitest fails by it as by a test.
const NOTICED = new Set(['Killed', 'Timeout', 'RuntimeError']);

/** One line on mutants: how many were noticed, and how many of these only because the tests did not end in time. */
export function countMutants(results) {
  const counted = results.filter(({ status }) => !NOT_COUNTED.has(status));
  const noticed = counted.filter(({ status }) => NOTICED.has(status));
  const late = noticed.filter(({ status }) => status === 'Timeout').length;
  const percent = counted.length === 0 ? 100 : Math.round((100 * noticed.length) / counted.length);
  return `${noticed.length} of ${counted.length} mutants noticed (${percent} %)${late === 0 ? '' : `, ${late} of them by time-out`}`;
}

/** How many mutants there are, also those that were not drawn. */
export function countMutable(results) {
  return results.filter(({ status }) => status !== 'Ignored').length;
}

class BoundedReporter {
  #planned = 0;
  #results = [];
  #ranks = new Map();
  #end;

  onMutationTestingPlanReady({ mutantPlans }) {
    const mutants = mutantPlans.map(({ mutant }) => mutant).filter(({ status }) => status !== 'Ignored');
    const { size = mutants.length, seed = '' } = JSON.parse(process.env.MUTATE_SAMPLE ?? '{}');
    const drawn = drawMutants(mutants, size, seed);
    this.#planned = drawn.length;
    this.#ranks = new Map(drawn.map(({ id }, rank) => [id, rank]));
    const until = Number(process.env.MUTATE_UNTIL);
    if (until > 0) this.#end = setTimeout(() => this.#stop(), Math.max(0, until - Date.now()));
  }

  onMutantTested(result) {
    if (!NOT_COUNTED.has(result.status)) this.#results.push(result);
  }

  onMutationTestReportReady() {
    clearTimeout(this.#end);
  }

  /** The mutants that no test reaches are known at once. Of these, those count that were drawn before the last one that was tried. */
  #inTurn() {
    const rankOf = ({ id }) => this.#ranks.get(id) ?? Infinity;
    const tried = this.#results.filter(({ status }) => status !== 'NoCoverage').map(rankOf);
    return this.#results.filter((result) => rankOf(result) <= Math.max(...tried));
  }

  #stop() {
    const files = new Map();
    const inTurn = this.#inTurn();
    for (const result of inTurn) {
      const file = relative(process.cwd(), result.fileName);
      files.set(file, [...(files.get(file) ?? []), result]);
    }
    for (const [file, results] of files) {
      console.log(`${file}: ${countMutants(results)}`);
      for (const { status, location, mutatorName, replacement } of results)
        if (status === 'Survived' || status === 'NoCoverage')
          console.log(`  [${status}] ${location.start.line}:${location.start.column} ${mutatorName}: ${replacement}`);
    }
    const report = process.env.MUTATE_REPORT;
    mkdirSync(dirname(report), { recursive: true });
    const entries = [...files].map(([file, mutants]) => [file, { source: readFileSync(file, 'utf8'), mutants }]);
    writeFileSync(report, JSON.stringify({ files: Object.fromEntries(entries) }));
    console.log(`The minutes are over: ${inTurn.length} of ${this.#planned} mutants were tried, ${countMutants(inTurn)}`);
    process.exit(0);
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Reporter, 'bounded', BoundedReporter)];
