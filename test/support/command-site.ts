import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fixedClock, type Clock } from '../../src/core/index.ts';
import { runCaisson, type Ended } from './run-caisson.ts';
import { MANIFESTS, writeSampleBundle, type SampleNode } from './sample-install.ts';
import { simulatedSite, type SimulatedSite } from './simulated-site.ts';

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

/** Bundles of the sample platform in two versions. */
export interface CommandBundles {
  readonly bundle: string;
  readonly next: string;
  remove(): Promise<void>;
}

export async function commandBundles(): Promise<CommandBundles> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-commands-'));
  return {
    bundle: await writeSampleBundle(join(directory, 'sample.tar')),
    next: await writeSampleBundle(join(directory, 'next.tar'), { manifests: NEXT_MANIFESTS, version: '1.3' }),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

export interface CommandOptions {
  /** What is typed at the question; without it there is no terminal. */
  readonly typed?: string;
  readonly clock?: Clock;
}

/** A simulated site that commands are run on. */
export interface CommandSite {
  readonly site: SimulatedSite;
  readonly run: (words: readonly string[], options?: CommandOptions) => Promise<Ended>;
  /** Runs a command and returns what it wrote as one text: standard error, standard output, status. */
  readonly told: (words: readonly string[], options?: CommandOptions) => Promise<string>;
}

/**
 * Makes a simulated site whose commands run through the program. In texts, names that differ from run to run are replaced: `SEED` is the
 * directory of the seed's own files, `PORT` the port of the depot, `DIGEST` a digest, `RUN-00000001` the first run that was told of.
 */
export async function commandSite(directory: string, bundle: string, nodes: readonly SampleNode[]): Promise<CommandSite> {
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
