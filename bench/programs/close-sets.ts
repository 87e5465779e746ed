// Loads the package indexes that a directory holds and closes package sets, in a process of its own so that its cost can
// be told. Argument: CloseTask as JSON. Prints CloseResult as JSON.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/core/index.ts';
import { closePackages } from '../../src/ospkg/apt/closure.ts';
import { loadAptIndex } from '../../src/ospkg/apt/load-index.ts';
import type { FetchFile, PackageSet } from '../../src/ospkg/index.ts';

export interface CloseTask {
  /** Holds what was fetched: fileOf(url) each. */
  readonly directory: string;
  readonly sources: readonly { readonly url: string; readonly suites: readonly string[] }[];
  readonly keyring: string;
  readonly sets: readonly PackageSet[];
  readonly priorities: readonly string[];
}

export interface CloseResult {
  /** Signatures, decompression, parsing. */
  readonly loadMs: number;
  readonly closeMs: number;
  readonly known: number;
  /** Set → "name version", sorted. */
  readonly chosen: Readonly<Record<string, readonly string[]>>;
}

const task = JSON.parse(process.argv[2] ?? '{}') as CloseTask;
const keyring = readFileSync(task.keyring);
const fetch: FetchFile = async (url) => await Promise.resolve(readFileSync(join(task.directory, encodeURIComponent(url))));

const started = performance.now();
const sources = task.sources.map(({ url, suites }) => ({ url, suites, components: ['main'], keyring }));
const index = await loadAptIndex(sources, { architecture: 'amd64', fetch, clock: systemClock });
const loaded = performance.now();
const { packages } = await closePackages(index, { sets: task.sets, base: { priorities: task.priorities } });
const closed = performance.now();

const names = [...task.sets.map(({ name }) => name), 'base'];
const chosen = names.map((name) => [
  name,
  packages.filter(({ sets }) => sets.includes(name)).map(({ record }) => `${record.name} ${record.version}`),
]);
const result: CloseResult = {
  loadMs: loaded - started,
  closeMs: closed - loaded,
  known: index.records.length,
  chosen: Object.fromEntries(chosen),
};
console.log(JSON.stringify(result));
