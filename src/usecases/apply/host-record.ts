import type { Step, StepContext } from '../../engine/index.ts';
import { readRemoteFile, runChecked, shellScript, type Host } from '../../host/index.ts';
import type { RecordStep } from '../../plan/index.ts';
import { forgetReplaced, isLogin, keepsReplaced } from '../../resources/index.ts';
import { formatHostRecord, hostRecordOf, HOST_RECORD, type SiteRecord } from '../../site/index.ts';
import { releaseServices } from './release-services.ts';
import type { RunSite } from './run-site.ts';
import { standing } from './standing.ts';

type Behaviour = Pick<Step, 'isDone' | 'apply'>;

/** Writes the record that a host keeps of its site, or removes it with everything else of Caisson (`release`). */
export function recordBehaviour(run: RunSite, { host: name, what }: RecordStep): Behaviour {
  const host = run.hostOf(name);
  if (what === 'release') {
    const apply: Step['apply'] = async ({ signal }) => {
      await releaseHost(host, signal);
      await run.site.update((record) => withLoginOnly(record, name));
    };
    return { isDone: async () => false, apply };
  }
  const text = async (): Promise<string> => {
    const { record } = run.site;
    const recorded = record.hosts[name];
    if (recorded === undefined) throw new Error(`host "${name}" is not in the record`);
    const owned = what === 'settle' ? await run.settledOn(name) : recorded.owned;
    const stands = what === 'settle' ? { ...standing(record, run.declared.topology), components: releasesAs(run.releases) } : {};
    // The seed keeps a record when it is a node no more.
    const isNode = run.declared.topology.spec.nodes.some((node) => node.name === name);
    const roles = what === 'settle' && !isNode ? [] : recorded.roles;
    const own = hostRecordOf({ ...record, ...stands, hosts: { [name]: { ...recorded, roles, owned: [...owned] } } }, name);
    if (own === undefined) throw new Error(`host "${name}" has no record`);
    return formatHostRecord(what === 'claim' ? { ...own, changing: true } : own);
  };
  return {
    isDone: async ({ signal }) =>
      (await readRemoteFile(host, HOST_RECORD, { signal })) === (await text()) &&
      (what === 'claim' || !(await keepsReplaced(host, signal))),
    apply: async (context) => {
      // The old record still has `changing`, so that the next run repeats this step when it is killed here.
      if (what === 'settle') await forgetReplaced(host, context.signal);
      else await releaseServices(host, context.signal);
      await writeRecord(host, await text(), context);
    },
  };
}

/** The record after a host was released: it has the login of the seed at most, which goes last. */
function withLoginOnly(record: SiteRecord, host: string): SiteRecord {
  const known = record.hosts[host];
  if (known === undefined) return record;
  return { ...record, hosts: { ...record.hosts, [host]: { ...known, owned: known.owned.filter(isLogin) } } };
}

function releasesAs(releases: RunSite['releases']): SiteRecord['components'] {
  return Object.fromEntries(Object.entries(releases).map(([component, release]) => [component, { release }]));
}

async function writeRecord(host: Host, text: string, { signal }: StepContext): Promise<void> {
  await host.upload(text, HOST_RECORD, { mode: 0o644, onlyWriter: true, signal });
}

/**
 * Removes the host record and Caisson's own files from a host that leaves its site. Directories that hold other files
 * stay.
 */
export const RELEASE_SCRIPT = `set -eu
rm -f -- "$1"
rm -rf -- /var/lib/caisson/originals /var/lib/caisson/replaced /var/lib/caisson/reloaded /var/lib/caisson/artifacts /var/lib/caisson/data
for path in /var/lib/caisson /etc/caisson; do
  if [ -d "$path" ]; then find "$path" -depth -type d -empty -delete; fi
done
`;

async function releaseHost(host: Host, signal: AbortSignal): Promise<void> {
  await runChecked(host, { argv: shellScript(RELEASE_SCRIPT, [HOST_RECORD]) }, { signal });
}
