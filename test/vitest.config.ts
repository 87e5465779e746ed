import { defineConfig } from 'vitest/config';

/** Lab tests share hosts, names and the machine. */
const LAB = {
  globalSetup: ['test/support/lab-setup.ts', 'test/support/engine-setup.ts'],
  testTimeout: 1_200_000,
  // The programs of the lab are built in a hook where the cache is empty, on a busy machine, too.
  hookTimeout: 2_400_000,
  fileParallelism: false,
};

/**
 * One project a kind of test. `unit` covers everything that needs nothing but Node; `authority` asks the real tools
 * (apt, dpkg, docker, skopeo, ssh, GNU tar) and the network of packages; `house` holds the rules of this repository;
 * `storm` has many simulated clusters live through years; `e2e` runs the built command; `lab` boots real hosts behind a
 * real air gap, and `lab-long` does there what takes too long for each change.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    // Ends a test that hangs; on a machine with a load average of 30 the slowest unit tests took 50 s.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text', 'html'], reportsDirectory: 'coverage' },
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/{house,e2e,lab,storm}/**', 'test/**/*.authority.test.ts'] },
      },
      { extends: true, test: { name: 'house', include: ['test/house/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'authority',
          globalSetup: ['test/support/engine-setup.ts'],
          include: ['test/**/*.authority.test.ts'],
          exclude: ['test/{e2e,lab,storm}/**'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/*.test.ts'], testTimeout: 600_000, hookTimeout: 900_000 },
      },
      { extends: true, test: { name: 'storm', include: ['test/storm/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'lab',
          include: ['test/lab/*.test.ts'],
          ...LAB,
        },
      },
      {
        extends: true,
        test: {
          name: 'lab-long',
          include: ['test/lab/long/*.test.ts', 'test/lab/resources.test.ts'],
          env: { CAISSON_LAB_LONG: '1' },
          ...LAB,
        },
      },
    ],
  },
});
