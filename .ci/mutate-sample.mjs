// The checker of .ci/mutate.mjs that draws. StrykerJS asks it about all mutants at once, before the first is tested; those that
// were not drawn it refuses, and the others are tested in the order of the draw, so that a run which is cut tried a smaller draw.
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';

const lot = (seed, { fileName, location, mutatorName, replacement }) =>
  createHash('sha256')
    .update(JSON.stringify([seed, relative(process.cwd(), fileName), location, mutatorName, replacement]))
    .digest('hex');

/** As many of the mutants as `size` says, in an order that the seed alone decides. */
export function drawMutants(mutants, size, seed) {
  const lots = new Map(mutants.map((mutant) => [mutant, lot(seed, mutant)]));
  return [...mutants].sort((one, other) => (lots.get(one) < lots.get(other) ? -1 : 1)).slice(0, size);
}

class SampleChecker {
  #drawn = new Set();

  async init() {}

  async group(mutants) {
    const { size, seed } = JSON.parse(process.env.MUTATE_SAMPLE);
    const drawn = drawMutants(mutants, size ?? mutants.length, seed).map(({ id }) => id);
    this.#drawn = new Set(drawn);
    const rest = mutants.map(({ id }) => id).filter((id) => !this.#drawn.has(id));
    return [...drawn.map((id) => [id]), ...(rest.length === 0 ? [] : [rest])];
  }

  async check(mutants) {
    const answer = ({ id }) => (this.#drawn.has(id) ? { status: 'passed' } : { status: 'compileError', reason: 'not drawn' });
    return Object.fromEntries(mutants.map((mutant) => [mutant.id, answer(mutant)]));
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.Checker, 'sample', SampleChecker)];
