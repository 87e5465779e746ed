import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

const authority = process.env.MUTATE_AUTHORITY === '1' ? [] : ['test/**/*.authority.test.ts'];

/**
 * StrykerJS looks at the results of tests alone. A file that cannot be loaded, and one whose beforeAll fails, has none: it is told as
 * an error of the run.
 */
const brokenFiles = {
  onInit(vitest) {
    this.state = vitest.state;
  },
  onTestModuleEnd(module) {
    const suites = [module, ...module.children.allSuites()];
    for (const { message, stack } of suites.flatMap((suite) => suite.errors()))
      // An error of a thread arrives as a plain object, and StrykerJS ends when it prints one.
      this.state.catchError(Object.assign(new Error(message), { stack }), 'Unhandled Error');
  },
};

/** The tests that .ci/mutate.mjs runs against its mutants. */
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, '..'),
    include: JSON.parse(process.env.MUTATE_TESTS ?? '[]'),
    exclude: ['test/{house,e2e,lab}/**', ...authority],
    reporters: [brokenFiles],
    testTimeout: 180_000,
    // A mutant counts as noticed when a hook fails. On a busy machine those that write bundles need more than the 10 s of vitest.
    hookTimeout: 300_000,
    // Loading the modules for each test file again would be most of the time of a mutant. Each mutant gets a thread of its own still.
    isolate: false,
  },
});
