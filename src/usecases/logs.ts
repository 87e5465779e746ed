import { parseServiceFile, watchedUnitOf } from '../agent/index.ts';
import { CaissonError } from '../core/index.ts';
import { readRemoteFile, readServiceLog, type Host, type LogEntry, type LogQuery } from '../host/index.ts';
import { sleep, suggestName } from '../io/index.ts';
import type { HostFinding } from '../preflight/index.ts';
import { AGENT_UNIT, BACKUP_UNIT, DEPOT_UNIT, RENEWAL_UNIT, type SiteRecord } from '../site/index.ts';
import { withRecordedHosts, type LookOptions } from './recorded-hosts.ts';

/** Units of Caisson itself, by the names of the commands that they run. */
const OWN_UNITS: Readonly<Record<string, string>> = { agent: AGENT_UNIT, backup: BACKUP_UNIT, depot: DEPOT_UNIT, renewal: RENEWAL_UNIT };
/** Those of them that the seed alone has. */
const OF_SEED: readonly string[] = ['backup', 'depot', 'renewal'];

const FOLLOW_MS = 1_000;

/** The messages of a component, or of a part of Caisson: `agent`, `backup`, `depot` or `renewal`. */
export interface LogRequest extends Pick<LogQuery, 'lines' | 'since'> {
  readonly component: string;
  /** Hosts to ask; by default all that have it. */
  readonly nodes?: readonly string[] | undefined;
  /** True to go on with new messages until the signal aborts. */
  readonly follow?: boolean | undefined;
}

export interface NodeLogEntry extends Omit<LogEntry, 'cursor'> {
  readonly node: string;
}

/**
 * Reads the last `lines` messages of a component on each host that has it, and shows them oldest first by the clocks of the
 * hosts. Resolves to what keeps hosts from being asked. Throws USAGE for a component that no host has, and what
 * withRecordedHosts and readServiceLog throw.
 */
export async function readLogs(
  options: LookOptions,
  request: LogRequest,
  show: (entries: readonly NodeLogEntry[]) => void,
): Promise<readonly HostFinding[]> {
  const { component, lines, since, follow = false } = request;
  const choose = (record: SiteRecord): readonly string[] => placesOf(record, request);
  return withRecordedHosts(options, choose, async ({ record, hosts, findings }) => {
    const asked = await Promise.all(
      [...hosts.values()].map(async (host) => ({ host, units: await unitsOf(component, host, record, options.signal) })),
    );
    const cursors = new Map<string, string>();
    const ask = async (query: Pick<LogQuery, 'lines' | 'since'>): Promise<void> => {
      const read = await Promise.all(
        asked.map(async ({ host, units }) => {
          const after = cursors.get(host.name);
          const entries = await readServiceLog(host, { ...query, units, after }, options.signal);
          const last = entries.at(-1);
          if (last !== undefined) cursors.set(host.name, last.cursor);
          return entries.map(({ cursor: _, ...entry }): NodeLogEntry => ({ node: host.name, ...entry }));
        }),
      );
      // Sorting keeps the order of entries of one host that have the same time.
      show(read.flat().sort((left, right) => (left.time < right.time ? -1 : left.time > right.time ? 1 : 0)));
    };
    await ask({ lines, since });
    while (follow) {
      await sleep(FOLLOW_MS, options.signal);
      await ask({ lines: MOST_NEW_LINES });
    }
    return findings;
  });
}

/** Most new messages of one host in a second that are shown; older ones of them are left out. */
const MOST_NEW_LINES = 1_000;

/** Names of the hosts that have the component by the record, and that are asked for. */
function placesOf(record: SiteRecord, { component, nodes }: LogRequest): readonly string[] {
  const places = placesIn(record, component);
  const asked = nodes ?? places;
  const missing = asked.find((name) => !places.includes(name));
  if (places.length === 0) {
    throw new CaissonError('USAGE', `Cannot find "${component}": no host of the site has such a component`, {
      hint: suggestName(component, componentsIn(record)) ?? 'List the components: caisson component list',
    });
  }
  if (missing !== undefined) {
    throw new CaissonError('USAGE', `Cannot find "${component}" on "${missing}": it is not there by the record of the site`, {
      hint: `It is on: ${places.join(', ')}`,
    });
  }
  return asked;
}

function placesIn({ hosts, seed }: SiteRecord, component: string): readonly string[] {
  if (OF_SEED.includes(component)) return [seed];
  const all = Object.entries(hosts);
  if (component === 'agent') return all.filter(([, { roles }]) => roles.length > 0).map(([name]) => name);
  return all.filter(([, { owned }]) => owned.some(({ kind, owner }) => kind === 'definition' && owner === component)).map(([name]) => name);
}

function componentsIn({ hosts }: SiteRecord): readonly string[] {
  const owners = Object.values(hosts).flatMap(({ owned }) => owned.flatMap(({ kind, owner }) => (kind === 'definition' ? [owner] : [])));
  return [...new Set([...owners, ...Object.keys(OWN_UNITS)])].sort();
}

/** Whole names of the units of a component on a host, from the definitions that the agent reads there. */
export async function unitsOf(component: string, host: Host, { hosts }: SiteRecord, signal: AbortSignal): Promise<readonly string[]> {
  const own = OWN_UNITS[component];
  if (own !== undefined) return [own];
  const units: string[] = [];
  for (const { kind, key, owner } of hosts[host.name]?.owned ?? []) {
    if (kind !== 'definition' || owner !== component) continue;
    const text = await readRemoteFile(host, key, { signal });
    if (text !== undefined) units.push(...parseServiceFile(text, key).map(watchedUnitOf));
  }
  if (units.length > 0) return units;
  throw new CaissonError('SITE_CONFLICT', `Cannot find the services of "${component}" on "${host.name}": their definitions are gone`, {
    hint: 'Put them back: caisson install --offline',
  });
}
