import { dirname } from 'node:path';
import { parseClusterSpec } from '../cluster/index.ts';
import { CaissonError } from '../core/index.ts';
import type { Host } from '../host/index.ts';
import { readTextFile, suggestName } from '../io/index.ts';
import { connectHosts, type HostFinding } from '../preflight/index.ts';
import { openFileStore, type SiteRecord } from '../site/index.ts';
import { layoutOf, type SessionOptions } from './session.ts';
import { clusterOf, siteUnknown } from './site-sources.ts';

/** How the hosts of a site are reached that are only looked at. */
export type LookOptions = Pick<SessionOptions, 'clusterPath' | 'connect' | 'hostsAtOnce' | 'clock' | 'signal' | 'machines'>;

/** A site as it is recorded, and those of its hosts that could be reached. */
export interface ReachedSite {
  readonly record: SiteRecord;
  /** Text of cluster.yaml. */
  readonly clusterText: string;
  readonly hosts: ReadonlyMap<string, Host>;
  /** Why a host is missing in `hosts`. */
  readonly findings: readonly HostFinding[];
}

/**
 * Connects to the hosts that `choose` takes from the site record, and passes them to `work`. Needs no bundle, and
 * a host that cannot be reached is a finding. Throws SITE_UNKNOWN without a record, USAGE for a name that is not in it, what `choose` throws, and
 * what parseClusterSpec throws: cluster.yaml says how to log in.
 */
export async function withRecordedHosts<T>(
  options: LookOptions,
  choose: (record: SiteRecord) => readonly string[],
  work: (site: ReachedSite) => Promise<T>,
): Promise<T> {
  const record = await openFileStore(layoutOf(options).record).read();
  if (record === undefined) throw siteUnknown('the hosts of the site');
  const wanted = choose(record);
  const unknown = wanted.find((name) => record.hosts[name] === undefined);
  if (unknown !== undefined) {
    throw new CaissonError('USAGE', `Cannot look at "${unknown}": the site has no host of this name`, {
      hint: suggestName(unknown, Object.keys(record.hosts)) ?? 'List its hosts: caisson node list',
    });
  }
  const path = options.clusterPath ?? clusterOf(record);
  const text = await readTextFile(path);
  const spec = parseClusterSpec(text, path);
  // A host without roles is the seed beside the cluster, which this process runs on.
  const nodes = wanted.flatMap((name) => {
    const { address = '', roles = [], ssh } = spec.nodes.find((node) => node.name === name) ?? record.hosts[name] ?? {};
    return roles.length === 0 ? [] : [{ name, address, roles: [...roles], ...(ssh === undefined ? {} : { ssh }) }];
  });
  const { signal, hostsAtOnce, machines } = options;
  const beside = { name: record.seed, address: record.hosts[record.seed]?.address ?? '127.0.0.1' };
  const connected = await connectHosts(
    { ...spec, nodes },
    { ...options.connect, directory: dirname(path), signal, hostsAtOnce, beside },
    machines,
  );
  try {
    const hosts = new Map(connected.hosts);
    if (wanted.includes(record.seed) && !nodes.some(({ name }) => name === record.seed)) hosts.set(record.seed, connected.seed);
    const findings = connected.findings.filter(({ host }) => wanted.includes(host));
    return await work({ record, clusterText: text, hosts, findings });
  } finally {
    await connected.close();
  }
}
