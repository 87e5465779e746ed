import { join } from 'node:path';
import { afterEach, beforeAll } from 'vitest';
import { THREE_NODES, writeSampleBundle } from './sample-install.ts';
import { simulatedSite, type SimulatedSite, type SiteOptions } from './simulated-site.ts';
import { useSharedTempDir } from './temp-dir.ts';

/** Ends every site that the returned function was called with, after the test of the call. The function returns its site. */
export function useEnding<S extends { end(): Promise<void> }>(): (site: S) => S {
  const sites: S[] = [];
  afterEach(async () => {
    await Promise.all(sites.splice(0).map((site) => site.end()));
  });
  return (site) => {
    sites.push(site);
    return site;
  };
}

/** Simulated sites of a test file. */
export interface SampleSites {
  /** Path of the sample bundle, which is written once for the file. */
  readonly bundle: () => string;
  /** Makes a site of three nodes that nothing is installed on, unless options say otherwise. It ends after the test. */
  readonly open: (options?: Partial<SiteOptions>) => Promise<SimulatedSite>;
}

/** `directory` returns the directory of a test, for the files of its sites. */
export function useSampleSites(directory: () => string): SampleSites {
  const shared = useSharedTempDir();
  const ending = useEnding<SimulatedSite>();
  let bundle = '';
  beforeAll(async () => {
    bundle = await writeSampleBundle(join(shared(), 'sample.tar'));
  });
  return {
    bundle: () => bundle,
    open: async (options = {}) => ending(await simulatedSite({ directory: directory(), bundle, nodes: THREE_NODES, ...options })),
  };
}
