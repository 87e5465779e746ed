import { readFile } from 'node:fs/promises';
import { CaissonError, errnoOf, messageOf } from '../../core/index.ts';
import { gzip, isThere, readOpened, readTail, TAR_END, tarMember, writeFileAtomic } from '../../io/index.ts';
import type { HostFinding } from '../../preflight/index.ts';
import { listCertificates, openSecretStore, type SiteRecord } from '../../site/index.ts';
import { listBundles } from '../bundles.ts';
import { withRecordedHosts, type LookOptions, type ReachedSite } from '../recorded-hosts.ts';
import { layoutOf } from '../session.ts';
import { redactionOf } from './redaction.ts';
import { reportOfHost, type ReportFile } from './host-report.ts';

export interface SupportBundleOptions extends LookOptions {
  /** File to write. By default one in the working directory whose name has the cluster and the time. */
  readonly output?: string | undefined;
  /** Hosts to ask; by default all. */
  readonly nodes?: readonly string[] | undefined;
  /** Version of this program. */
  readonly version: string;
}

export interface SupportBundle {
  readonly path: string;
  /** Bytes of the archive. */
  readonly size: number;
  readonly files: number;
  /** Hosts that could not be reached. */
  readonly findings: readonly HostFinding[];
  /** Parts of the other hosts' reports that could not be read. */
  readonly failures: readonly Failure[];
}

interface Failure {
  readonly host: string;
  readonly path: string;
  readonly reason: string;
}

/** Most bytes of the journal of runs that are taken: its last ones. */
const JOURNAL_TAIL = 4 * 2 ** 20;

/**
 * Writes one gzipped tar, readable by its owner alone, with what a site knows of itself: record, runs, cluster.yaml, certificates
 * and bundles of the seed, and the report of each host that answers. Secrets are replaced by `***`. Hosts that do not answer
 * and parts that cannot be read are named in it and in the result. Throws OUTPUT_EXISTS, OUTPUT_WRITE_FAILED, and what
 * withRecordedHosts throws.
 */
export async function writeSupportBundle(options: SupportBundleOptions): Promise<SupportBundle> {
  const choose = ({ hosts }: SiteRecord): readonly string[] => options.nodes ?? Object.keys(hosts);
  return withRecordedHosts(options, choose, async (site) => {
    const name = `caisson-support-${site.record.name}-${options.clock
      .now()
      .toISOString()
      .replace(/[-:]|\.\d+/g, '')}`;
    const path = options.output ?? `${name}.tar.gz`;
    if (await isThere(path)) {
      throw new CaissonError('OUTPUT_EXISTS', `Cannot write "${path}": it is already there`, { hint: 'Name another file with --output' });
    }
    const { files, failures } = await collect(site, options);
    const size = await writeArchive(path, name, files, options);
    return { path, size, files: files.length, findings: site.findings, failures };
  });
}

async function collect(
  site: ReachedSite,
  options: SupportBundleOptions,
): Promise<{ readonly files: readonly ReportFile[]; readonly failures: readonly Failure[] }> {
  const { record, clusterText, hosts, findings } = site;
  const { signal, clock, version } = options;
  const layout = layoutOf(options);
  const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
  const seedFailures: Failure[] = [];
  const seedFile = async (path: string, read: () => Promise<string>): Promise<readonly ReportFile[]> => {
    try {
      return [{ path: `seed/${path}`, text: await read() }];
    } catch (error) {
      seedFailures.push({ host: record.seed, path, reason: messageOf(error) });
      return [];
    }
  };
  const ofSeed = [
    ...(await seedFile('site.json', () => readFile(layout.record, 'utf8'))),
    ...(await seedFile('journal.jsonl', async () =>
      (await readOpened(layout.journal, (file) => readTail(file, JOURNAL_TAIL))).toString('utf8'),
    )),
    { path: 'seed/cluster.yaml', text: clusterText },
    ...(await seedFile('certificates.json', async () => json(await listCertificates(layout, clock)))),
    ...(await seedFile('bundles.json', async () => json(await listBundles(options)))),
  ];
  const reports = await Promise.all(
    [...hosts.values()].map(async (host) => ({ host: host.name, report: await reportOfHost(host, record, signal) })),
  );
  const failures = [
    ...seedFailures,
    ...reports.flatMap(({ host, report }) => report.failures.map((failure): Failure => ({ host, ...failure }))),
  ];
  const about = { version, time: clock.now().toISOString(), cluster: record.name, seed: record.seed, unreachable: findings, failures };
  const withoutSecrets = redactionOf(await secretsOf(layout.secrets));
  const files = [
    { path: 'about.json', text: json(about) },
    ...ofSeed,
    ...reports.flatMap(({ host, report }) => report.files.map(({ path, text }) => ({ path: `hosts/${host}/${path}`, text }))),
  ].map(({ path, text }) => ({ path, text: withoutSecrets(text) }));
  return { files, failures };
}

/** The values of all secrets of the site, those of changes that are under way included. */
async function secretsOf(directory: string): Promise<readonly string[]> {
  const store = openSecretStore(directory);
  const values = await Promise.all((await store.names()).map((name) => store.peek(name)));
  return [...values.flatMap((value) => value ?? []), ...(await store.changes()).flatMap((change) => [change.old, change.new])];
}

/** Writes the archive. Resolves to its bytes. */
async function writeArchive(path: string, name: string, files: readonly ReportFile[], { clock }: SupportBundleOptions): Promise<number> {
  const modified = clock.now();
  const members = function* (): Generator<Buffer> {
    for (const file of files) yield* tarMember({ path: `${name}/${file.path}`, mode: 0o600 }, Buffer.from(file.text), modified);
    yield Buffer.alloc(TAR_END);
  };
  const archive = await gzip(Buffer.concat([...members()]));
  try {
    await writeFileAtomic(path, archive, { mode: 0o600 });
    return archive.length;
  } catch (cause) {
    if (errnoOf(cause) === undefined) throw cause;
    throw new CaissonError('OUTPUT_WRITE_FAILED', `Cannot write "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Nothing was left there. Name a file in a directory that exists and has space: --output FILE',
    });
  }
}
