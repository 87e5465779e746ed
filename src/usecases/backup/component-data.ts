import { posix } from 'node:path';
import type { BackupData, OpenData } from '../../backup/index.ts';
import type { Placement } from '../../cluster/index.ts';
import { CaissonError, messageOf, type Emit } from '../../core/index.ts';
import { describeRemoteFile, readRemoteStream, runChecked, shellScript } from '../../host/index.ts';
import { componentServices } from '../../plan/index.ts';
import { HostsUnfitError } from '../../preflight/index.ts';
import { DATA_PLACE } from '../../site/index.ts';
import { dataPlace, runAction, type Deed } from '../apply/action.ts';
import { servicesHealthy } from '../apply/gate.ts';
import type { DataSession, DataSite } from './data-session.ts';

/** Parameters: a directory, its owner. Makes it empty. Its parents can be read by root alone. */
export const EMPTY_PLACE_SCRIPT = `set -eu
rm -rf -- "$1"
umask 077
mkdir -p -- "$1"
chown -- "$2" "$1"
`;

/** Parameters: directories. Removes them with all they hold, and the directory above when it is empty. */
export const REMOVE_PLACES_SCRIPT = `set -eu
for path do
  rm -rf -- "$path"
  for above in "\${path%/*}" ${DATA_PLACE}; do rmdir -- "$above" 2>/dev/null || :; done
done
`;

/** Data that backup actions wrote, as long as their files are on the hosts. */
export interface WrittenData {
  readonly data: readonly BackupData[];
  readonly open: OpenData;
}

/** For a backup without data of components. */
export const NO_DATA: WrittenData = { data: [], open: never };

export interface WriteOptions {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Runs the backup actions of all components on their hosts, and passes the files that they wrote to `work`: a component of
 * placement one or every on each of its hosts, a quorum on one healthy member. The files are removed from the hosts at the
 * end, whatever happens; those of a run that was killed, at the start of the next. Throws HostsUnfitError for hosts that
 * cannot be reached, CLUSTER_UNHEALTHY for a quorum without a healthy member, ACTION_FAILED.
 */
export async function withWrittenData<T>(
  session: DataSession,
  { emit, signal }: WriteOptions,
  work: (written: WrittenData) => Promise<T>,
): Promise<T> {
  const placements = session.running.filter(({ component }) => component.actions.some(({ at }) => at === 'backup'));
  if (placements.length === 0) return work(NO_DATA);
  return session.connected(new Set(placements.map(({ host }) => host.name)), async (site) => {
    await removePlaces(site, placements, signal);
    try {
      const chosen = await choosePlacements(placements, site, signal);
      const files = await writeFiles(chosen, site, { emit, signal });
      const open: OpenData = (wanted) => {
        const file = files.find(
          ({ data }) => data.component === wanted.component && data.host === wanted.host && data.file === wanted.file,
        );
        return file === undefined ? never() : readRemoteStream(site.hostOf(wanted.host), file.path, wanted.size, { signal });
      };
      return await work({ data: files.map(({ data }) => data), open });
    } finally {
      await removePlaces(site, placements).catch((error: unknown) => {
        const message = `Files of this backup may be left below ${DATA_PLACE} on hosts: ${messageOf(error)}`;
        emit({ type: 'warning', message, hint: 'The next backup removes them' });
      });
    }
  });
}

function never(): never {
  throw new Error('there are no data to open');
}

/** The placements whose actions run. Throws for those that cannot. */
async function choosePlacements(placements: readonly Placement[], site: DataSite, signal: AbortSignal): Promise<readonly Placement[]> {
  const [members, others] = [placements.filter(isOfQuorum), placements.filter((placement) => !isOfQuorum(placement))];
  const missing = site.findings.filter(({ host }) => others.some((placement) => placement.host.name === host));
  if (missing.length > 0) {
    const remedy = 'Bring it up; a backup of what the seed alone has needs no host: add --no-data';
    throw new HostsUnfitError(
      missing.map((finding) => ({ ...finding, problem: `its data cannot be fetched: ${finding.problem}`, remedy })),
    );
  }
  const names = new Set(members.map(({ component }) => component.name));
  const chosen = new Map<string, Placement>();
  for (const name of names) {
    chosen.set(
      name,
      await healthyMember(
        members.filter(({ component }) => component.name === name),
        site,
        signal,
      ),
    );
  }
  return placements.filter((placement) => !isOfQuorum(placement) || chosen.get(placement.component.name) === placement);
}

function isOfQuorum({ component }: Placement): boolean {
  return component.placement === 'quorum';
}

async function healthyMember(members: readonly Placement[], site: DataSite, signal: AbortSignal): Promise<Placement> {
  const reasons: string[] = [];
  for (const member of members) {
    const name = member.host.name;
    const host = site.hosts.get(name);
    const services = componentServices(site.declared, member).map((service) => service.name);
    const problem =
      host === undefined
        ? (site.findings.find((finding) => finding.host === name)?.problem ?? 'it is not connected')
        : servicesHealthy(services, await site.agents.ask(host, signal)).detail;
    if (problem === '') return member;
    reasons.push(`${name}: ${problem}`);
  }
  const component = members[0]?.component.name ?? '';
  throw new CaissonError('CLUSTER_UNHEALTHY', `Cannot back up "${component}": none of its members is healthy (${reasons.join('; ')})`, {
    hint: 'Mend a member first; a backup of what the seed alone has needs none: add --no-data',
  });
}

interface WrittenFile {
  readonly data: BackupData;
  /** Where it is on its host. */
  readonly path: string;
}

/** Runs the backup actions of placements, one after the other. */
async function writeFiles(
  placements: readonly Placement[],
  site: DataSite,
  { emit, signal }: WriteOptions,
): Promise<readonly WrittenFile[]> {
  const files: WrittenFile[] = [];
  for (const placement of placements) {
    const { component, host } = placement;
    for (const action of component.actions.filter(({ at }) => at === 'backup')) {
      emit({ type: 'note', message: `${action.summary} on ${host.name} (backup of ${component.name})` });
      files.push(await writeFile({ placement, action, runner: host.name }, site, signal));
    }
  }
  return files;
}

async function writeFile(deed: Deed, site: DataSite, signal: AbortSignal): Promise<WrittenFile> {
  const { placement, action, runner } = deed;
  const host = site.hostOf(runner);
  const { directory, file } = dataPlace(deed);
  // Each file is moved out of the directory of the action, which the next action of the component gets empty.
  const path = posix.join(DATA_PLACE, 'fetched', placement.component.name, posix.basename(file));
  await runChecked(host, { argv: shellScript(EMPTY_PLACE_SCRIPT, [directory, action.owner]) }, { signal });
  await runAction(site, deed, { signal });
  await runChecked(host, { argv: shellScript(MOVE_FILE_SCRIPT, [file, path]) }, { signal });
  const facts = await describeRemoteFile(host, path, { signal });
  if (facts === undefined) {
    throw new CaissonError('ACTION_FAILED', `Cannot ${action.summary} on "${host.name}": it ended well and left no file "${file}"`, {
      hint: `Look at the action "${action.name}" in the manifest of component "${placement.component.name}": it must write \${action.file}`,
    });
  }
  return { data: { component: placement.component.name, host: host.name, file: action.file ?? '', ...facts }, path };
}

/** Parameters: a file that an action wrote, where it goes. A file that is missing, or a link, stays where it is. */
export const MOVE_FILE_SCRIPT = `set -eu
umask 077
mkdir -p -- "\${2%/*}"
if [ -f "$1" ] && [ ! -L "$1" ]; then mv -fT -- "$1" "$2"; fi
`;

/** Removes the files of backups from hosts, also those that a run left which was killed. */
async function removePlaces(site: DataSite, placements: readonly Placement[], signal?: AbortSignal): Promise<void> {
  const names = [...new Set(placements.map(({ component }) => component.name))];
  const paths = names.flatMap((name) => ['backup', 'fetched'].map((place) => posix.join(DATA_PLACE, place, name)));
  const removals = [...site.hosts.values()].map((host) =>
    runChecked(host, { argv: shellScript(REMOVE_PLACES_SCRIPT, paths) }, signal === undefined ? {} : { signal }),
  );
  await Promise.all(removals);
}
