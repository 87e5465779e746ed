import { componentServices, formerMembers, lostMajorities, majorityOf, type FormerMember, type Plan } from '../plan/index.ts';
import type { Placement } from '../cluster/index.ts';
import type { SiteConflict } from '../site/index.ts';
import { servicesHealthy } from './apply/gate.ts';
import type { Session } from './session.ts';
import { unfinishedBundle } from './site-sources.ts';

/**
 * Lists why former machines cannot leave their quorums: the component has no action for that, the other members have no
 * majority, one of them is not healthy, or the run brings another bundle.
 */
export async function memberConflicts(session: Session, signal: AbortSignal): Promise<readonly SiteConflict[]> {
  const conflicts = [...byComponent(formerMembers(session.record))].map(async ([name, former]): Promise<readonly SiteConflict[]> => {
    const { topology, record } = session;
    const component = topology.components.find((one) => one.name === name);
    // It leaves the cluster with all its members.
    if (component === undefined) return [];
    const leave = component.actions.filter(({ at }) => at === 'leave');
    if (!leave.some(({ on }) => on !== 'self')) return former.map((one) => withoutLeave(one));
    const recorded = record?.placements[name] ?? [];
    const total = recorded.length + former.length;
    if (recorded.length < majorityOf(total)) return former.map((one) => withoutMajority(one, recorded, total));
    const members = recorded.map(
      (host) => topology.placements.find((one) => one.component.name === name && one.host.name === host) ?? host,
    );
    return (await Promise.all(members.map((member) => unhealthyMember(session, member, former, signal)))).flat();
  });
  return [...(await Promise.all(conflicts)).flat(), ...otherBundle(session)];
}

/** Lists the restarts of a plan that would end the majority of a quorum from which a former machine leaves. */
export function majorityConflicts(session: Session, { steps }: Plan): readonly SiteConflict[] {
  return isGoingOn(session) ? [] : lostMajorities(steps, session.topology, session.record);
}

/** Lines for the plan: from which quorums former machines leave, and through which members. */
export function memberNotes({ record, topology }: Session): readonly string[] {
  return formerMembers(record).flatMap(({ component, host, address }) => {
    if (topology.hostsOf(component).length === 0) return [];
    const members = record?.placements[component] ?? [];
    const joins = topology.hostsOf(component).some(({ name }) => name === host) ? ' before the new one joins' : '';
    return [
      `The former machine of ${host}, ${address}, leaves ${component} through its other members, ${members.join(', ')},${joins}`.replace(
        /,$/,
        '',
      ),
    ];
  });
}

function byComponent(former: readonly FormerMember[]): ReadonlyMap<string, readonly FormerMember[]> {
  const components = new Set(former.map(({ component }) => component));
  return new Map([...components].map((name) => [name, former.filter(({ component }) => component === name)]));
}

function withoutLeave({ host, component, address }: FormerMember): SiteConflict {
  return {
    where: host,
    problem: `the members of ${component} still count the machine at ${address} as one of them, and ${component} declares no action by which another member takes it out`,
    remedy: `Bring that machine back under its address; or take it out of ${component} by hand, and remove ${host} with --forget ${host}`,
  };
}

function withoutMajority({ host, component, address }: FormerMember, members: readonly string[], total: number): SiteConflict {
  const [first = 'none', ...others] = members;
  const left = others.length === 0 ? `${first} is left` : `${members.join(', ')} are left`;
  return {
    where: host,
    problem: `${left} of ${total} members of ${component}, which is no majority: they cannot agree that the machine at ${address} leaves`,
    remedy: `Bring enough of the lost machines back under their addresses; where they are lost for good, restore the data of ${component} from a backup on a new cluster`,
  };
}

/** A member that is not healthy, or that leaves the cluster itself. */
async function unhealthyMember(
  { hosts, agents, topology }: Session,
  member: Placement | string,
  former: readonly FormerMember[],
  signal: AbortSignal,
): Promise<readonly SiteConflict[]> {
  const names = former.map(({ host }) => host).join(', ');
  const [{ component } = { component: '' }] = former;
  if (typeof member === 'string') {
    const problem = `it leaves ${component} in the run in which another machine takes the place of ${names}`;
    return [{ where: member, problem, remedy: `Replace ${names} first, and remove ${member} after that` }];
  }
  const host = hosts.get(member.host.name);
  const services = componentServices({ topology }, member).map(({ name }) => name);
  const { met, detail } =
    host === undefined ? { met: false, detail: 'it is not connected' } : servicesHealthy(services, await agents.ask(host, signal));
  if (met) return [];
  const problem = `${component} is not healthy there (${detail}), and without ${names} every other member is needed`;
  return [{ where: member.host.name, problem, remedy: 'Mend it first: caisson cluster shows when it is healthy' }];
}

/** An upgrade has its own order of members, in which each must be there. */
function otherBundle(session: Session): readonly SiteConflict[] {
  const { record, request } = session;
  const former = formerMembers(record);
  if (former.length === 0 || record?.bundle === undefined || isGoingOn(session)) return [];
  if (record.bundle.digest === request.bundle.bundleDigest) return [];
  const { name, version } = request.bundle.manifest;
  return former.map(({ host, component }) => ({
    where: host,
    problem: `another machine takes its place as a member of ${component}, and ${name} ${version} is not the installed bundle`,
    remedy: 'Replace the machine with the installed bundle first, and upgrade after that',
  }));
}

/** True for a run that goes on with a bundle whose install or upgrade did not end well. */
function isGoingOn({ record, request }: Session): boolean {
  return record !== undefined && unfinishedBundle(record)?.digest === request.bundle.bundleDigest;
}
