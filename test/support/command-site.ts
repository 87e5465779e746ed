import { dirname, join } from 'node:path';
import { beforeAll } from 'vitest';
import { openBundle } from '../../src/bundle/index.ts';
import { fixedClock, type Clock } from '../../src/core/index.ts';
import { stagedBundleName } from '../../src/site/index.ts';
import { runCaisson, type Ended } from './run-caisson.ts';
import { MANIFESTS, writeSampleBundle, type SampleNode } from './sample-install.ts';
import { simulatedSite, type SimulatedSite } from './simulated-site.ts';
import { useSharedTempDir } from './temp-dir.ts';
import { useEnding } from './use-sites.ts';

/** Time of the simulated machines, at which commands run unless a test gives another. */
export const NOON = Date.UTC(2026, 0, 1);

/** The sample platform one version later: without package jq, with another store.conf and a new file of web. */
const NEXT_MANIFESTS: Readonly<Record<string, string>> = {
  ...MANIFESTS,
  'roles/manage.yaml': (MANIFESTS['roles/manage.yaml'] ?? '').replace('packageSets: [tools]\n', ''),
  'components/store/store.conf': 'name=${node.name}\nkeep=7\npassword=${secret.store-root}\n',
  'components/web/component.yaml': (MANIFESTS['components/web/component.yaml'] ?? '').replace(
    'services:',
    'files: [{ path: "${var.root}/web.conf", template: web.conf }]\nservices:',
  ),
  'components/web/web.conf': 'pages=all\n',
};

export interface CommandOptions {
  /** What is typed at each question; without it there is no terminal. */
  readonly typed?: string | readonly string[];
  readonly clock?: Clock;
}

/** A simulated site that commands are run on. */
export interface CommandSite {
  readonly site: SimulatedSite;
  readonly run: (words: readonly string[], options?: CommandOptions) => Promise<Ended>;
  /** Runs a command and returns what it wrote as one text: standard error, standard output, status. */
  readonly told: (words: readonly string[], options?: CommandOptions) => Promise<string>;
}

/** Sites of a test file whose commands run through the program. */
export interface CommandSites {
  /** Paths of the bundles of the sample platform in two versions. */
  readonly bundles: () => { readonly bundle: string; readonly next: string };
  /** Makes a site that nothing is installed on. It ends after its test. */
  readonly bare: (nodes: readonly SampleNode[]) => Promise<CommandSite>;
  /** Makes a site on which the first version is installed. */
  readonly installed: (nodes: readonly SampleNode[]) => Promise<CommandSite>;
}

/** `directory` returns the directory of a test, for the files of its sites. */
export function useCommandSites(directory: () => string): CommandSites {
  const shared = useSharedTempDir();
  const ending = useEnding<SimulatedSite>();
  const bundles = { bundle: '', next: '' };
  /** Digests of both by their names on the seed. */
  const staged = new Map<string, string>();
  beforeAll(async () => {
    bundles.bundle = await writeSampleBundle(join(shared(), 'sample.tar'));
    bundles.next = await writeSampleBundle(join(shared(), 'next.tar'), { manifests: NEXT_MANIFESTS, version: '1.3' });
    for (const reader of await Promise.all([bundles.bundle, bundles.next].map((path) => openBundle(path)))) {
      staged.set(stagedBundleName(reader), reader.bundleDigest);
      await reader.close();
    }
  });
  const bare = async (nodes: readonly SampleNode[]): Promise<CommandSite> => {
    const made = await commandSite(directory(), bundles.bundle, nodes);
    for (const machine of made.site.machines) machine.bundleDigests = staged;
    ending(made.site);
    return made;
  };
  return {
    bundles: () => bundles,
    bare,
    installed: async (nodes) => {
      const made = await bare(nodes);
      await made.site.install();
      return made;
    },
  };
}

/**
 * Makes a simulated site whose commands run through the program. In texts, names that differ from run to run are replaced: `SEED` is the
 * directory of the seed's own files, `PORT` the port of the depot, `DIGEST` a digest, `RUN-00000001` the first run that was told of.
 */
async function commandSite(directory: string, bundle: string, nodes: readonly SampleNode[]): Promise<CommandSite> {
  const site = await simulatedSite({ directory, bundle, nodes });
  const { machines } = site.options;
  // The directories above those of the seed are there on every machine.
  for (let path = join(site.seedRoot, 'etc'); path !== '/'; path = dirname(path)) {
    site.machines[0]?.directories.set(path, { mode: 0o755, owner: 'root:root' });
  }
  const run: CommandSite['run'] = (words, { typed, clock = fixedClock(NOON) } = {}) =>
    runCaisson(words, { machines, clock, ...(typed === undefined ? {} : { typed }) });
  const runs: string[] = [];
  const readable = (text: string): string =>
    text
      .replaceAll(site.seedRoot, 'SEED')
      .replaceAll(directory, 'DIRECTORY')
      .replaceAll(/(?<=depot\.sample\.internal:)\d+/g, 'PORT')
      .replaceAll(/(?<=sha256:)[0-9a-f]+|(?<=sample-[\d.]+-)[0-9a-f]{12}/g, 'DIGEST')
      .replaceAll(/\b[0-9a-f]{12}\b/g, (id) => {
        if (!runs.includes(id)) runs.push(id);
        return `RUN-${String(runs.indexOf(id) + 1).padStart(8, '0')}`;
      });
  return {
    site,
    run,
    told: async (words, options) => {
      const { status, out, err } = await run(words, options);
      const parts = [
        ['stderr', err],
        ['stdout', out],
      ].flatMap(([name, text]) => (text === '' ? [] : [`[${name}]`, readable(text ?? '').trimEnd()]));
      return [...parts, `[status ${status}]`].join('\n');
    },
  };
}
