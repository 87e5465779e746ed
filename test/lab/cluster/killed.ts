import { afterAll, beforeAll, expect, it } from 'vitest';
import { INSTALL, THREE_ROLES, CARRIED, type LabCluster } from '../scenario.ts';
import { endStateOf, type EndState } from './end-state.ts';
import { listHosts, type Untouched } from './host-list.ts';
import { killedLater } from './killed-later.ts';
import { reportOf, runInstall, type InstallReport } from './installer.ts';
import { clusterState } from './observe.ts';
import { openSite, type GetSide, type Site } from './site.ts';

const CLUSTER: LabCluster = { ...THREE_ROLES, lab: 'killed' };

interface KillPoint {
  readonly event: 'started' | 'finished';
  /** A step, or a phase and a slash: whichever step of the phase comes first. */
  readonly step: string;
  /** Seconds from the event to the kill: into the middle of the step. */
  readonly after?: number;
}

/**
 * Where the installer is killed: in every phase; before, inside and after steps; on the seed as on hosts behind SSH. Hosts
 * are worked on in parallel, so which of the points a run comes to first is not known before.
 */
const POINTS: readonly KillPoint[] = [
  { event: 'finished', step: 'record/c1/claim' },
  { event: 'started', step: 'stage-bundle/m1/caisson-seed-bundle', after: 0.3 },
  { event: 'finished', step: 'stage-bundle/m1/caisson-seed-bundle' },
  { event: 'started', step: 'start-depot/m1/caisson-seed-configure', after: 0.02 },
  { event: 'started', step: 'start-depot/m1/caisson-seed-start', after: 0.4 },
  { event: 'started', step: 'prepare-hosts/c1/caisson-source', after: 0.2 },
  { event: 'started', step: 'prepare-hosts/c1/caisson-executable', after: 0.3 },
  { event: 'finished', step: 'prepare-hosts/m1/caisson-start' },
  { event: 'started', step: 'configure-components/' },
  { event: 'started', step: 'install-packages/m1/docker-packages', after: 2 },
  { event: 'started', step: 'install-packages/g1/docker-packages', after: 1 },
  { event: 'started', step: 'start-components/m1/docker-start', after: 0.1 },
  { event: 'started', step: 'pull-images/m1/rbd-db-images', after: 0.4 },
  { event: 'started', step: 'start-components/m1/etcd-start', after: 0.3 },
  { event: 'started', step: 'start-components/m1/rbd-db-start', after: 1 },
  { event: 'finished', step: 'check-components/m1/rbd-hub' },
  { event: 'started', step: 'start-components/g1/rbd-gateway-start', after: 0.5 },
];
const PHASES = [...new Set(POINTS.map(({ step }) => step.split('/')[0]))];
const LEAST_KILLS = 10;

/**
 * Runs the command "$@", whose output are events, and kills it at the first point that it reaches. Standard input lists
 * the points, one EVENT STEP SECONDS in each line: the kill comes SECONDS after the output line with this event of this
 * step. No output is read while it waits for SECONDS, so a point in a phase of short steps names the whole phase: a
 * single step might begin and end unseen. Prints all lines it reads, then the number of the point, or no number when
 * the command reached none. The status is the command's, 137 when it was killed.
 */
const KILLER = `
mapfile -t points
coproc INSTALL { exec "$@"; }
pid=$INSTALL_PID
exec 3<&"\${INSTALL[0]}"
while IFS= read -r line <&3; do
  printf '%s\\n' "$line"
  for number in "\${!points[@]}"; do
    read -r event step seconds <<< "\${points[number]}"
    [[ $step == */ ]] || step+='"'
    case $line in *"\\"$event\\""*"\\"$step"*) sleep "$seconds"; kill -9 "$pid"; echo "killed at $number"; break 2 ;; esac
  done
done
wait "$pid"`;

interface Run extends InstallReport {
  /** Where it was killed; undefined when it came to its end. */
  readonly killedAt: KillPoint | undefined;
}

async function installUntil(site: Site, points: readonly KillPoint[]): Promise<Run> {
  const started = performance.now();
  const input = points.map(({ event, step, after = 0 }) => `step.${event} ${step} ${after}\n`).join('');
  const ran = await site.try(site.seed, KILLER, { input, parameters: [`${CARRIED}/caisson`, '--json', ...INSTALL, '--yes'] });
  const number = /^killed at (\d+)$/m.exec(ran.stdout)?.[1];
  const report = reportOf(ran, (performance.now() - started) / 1000);
  return { ...report, killedAt: number === undefined ? undefined : points[Number(number)] };
}

/** Registers the tests of an install that is killed again and again, and of what it ends in. */
export function killed(side: GetSide, uninterrupted: () => EndState): void {
  let site: Site;
  let untouched: Untouched;

  beforeAll(async () => {
    site = await openSite(side(), CLUSTER);
    untouched = await listHosts(site);
  });
  afterAll(async () => {
    await site?.stop();
  });

  it('is killed at no fewer than ten points in all its phases, and goes on each time until it ends well', async () => {
    const kills: KillPoint[] = [];
    for (;;) {
      const run = await installUntil(
        site,
        POINTS.filter((point) => !kills.includes(point)),
      );
      expect(
        run.finished.filter(([, outcome]) => outcome === 'failed'),
        run.stderr,
      ).toEqual([]);
      if (run.killedAt === undefined) {
        expect(run.status, run.stderr).toBe(0);
        break;
      }
      expect(run.status).toBe(137);
      console.log(
        `      killed ${run.killedAt.after ?? 0} s after ${run.killedAt.step} ${run.killedAt.event} (run of ${run.seconds.toFixed(1)} s)`,
      );
      kills.push(run.killedAt);
    }
    expect(kills.length).toBeGreaterThanOrEqual(LEAST_KILLS);
    expect(new Set(kills.map(({ step }) => step.split('/')[0]))).toEqual(new Set(PHASES));
  });

  it('ends as an install that nobody killed', async () => {
    expect(await clusterState(site)).toMatchObject({ status: 0, healthy: true });
    expect(await endStateOf(site)).toEqual(uninterrupted());
  });

  it('has nothing left to do', async () => {
    expect((await runInstall(site)).result).toMatchObject({ changed: 0 });
  });

  killedLater(
    () => site,
    side,
    () => untouched,
  );
}
