import { join } from 'node:path';
import type { AgentStatus } from '../../agent/index.ts';
import { nodeUuid } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import { sleep } from '../../io/index.ts';
import { listCertificates, openFileStore, seedLayout, type SeedTask } from '../../site/index.ts';
import { scheduledRun, type ScheduledRun } from '../../usecases/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { askNode, readClient, type RecordedNode } from './cluster-agents.ts';
import { describeCauses, rootCauses } from './root-causes.ts';
import { faultOfScheduled, formatScheduled } from './schedule-state.ts';
import { countFaults, unhealthyCount } from './status-faults.ts';
import { formatCluster, type NodeReport } from './status-table.ts';

const WATCH_INTERVAL_MS = 2000;

/** Name and nodes of the cluster, from the site record. */
interface RecordedCluster {
  readonly name: string;
  readonly seed: string;
  readonly nodes: readonly RecordedNode[];
}

interface ClusterFlags {
  readonly watch?: boolean;
  readonly state?: string;
  readonly pki?: string;
}

/**
 * `caisson cluster`: asks every node's agent; exit status 6 when a node does not answer, something is not healthy, or something that
 * the seed does by itself (backups, the renewal of certificates) failed or is overdue.
 */
export const registerCluster: RegisterCommand = (program, run) => {
  program
    .command('cluster')
    .description('print nodes, roles, and the state of every component and since when; run it on the seed')
    .option('--watch', 'print again every two seconds, until interrupted')
    .option('--state <directory>', 'where the installer keeps what it knows of the cluster (default: /var/lib/caisson)')
    .option('--pki <directory>', "where the operator's certificate is (default: /etc/caisson/pki)")
    .action((flags: ClusterFlags) => run((context) => showCluster(flags, context)));
};

async function showCluster(flags: ClusterFlags, context: CommandContext): Promise<void> {
  const layout = seedLayout(context.machines?.seedRoot);
  const record = await readCluster(flags.state === undefined ? layout.record : join(flags.state, 'site.json'));
  const client = await readClient(flags.pki ?? layout.pki);
  const { clock, signal, machines } = context;
  for (;;) {
    const reports = await Promise.all(record.nodes.map((node) => askNode(node, client, context.signal)));
    // A state elsewhere than on this seed says nothing of its timer.
    const scheduled = flags.state === undefined ? await scheduledRuns(record.seed, { clock, signal, machines }) : [];
    const ending = flags.state === undefined ? await endingAuthorities(context) : [];
    const ofSeed = [...scheduled.flatMap(([task, run]) => faultOfScheduled(task, run) ?? []), ...ending];
    const causes = rootCauses(reports);
    const faults = [...describeCauses(causes), ...faultsOf(reports), ...ofSeed.map(({ fault }) => fault)];
    const data = {
      cluster: record.name,
      healthy: faults.length === 0,
      causes,
      nodes: reports,
      ...Object.fromEntries(scheduled),
    };
    const summary = faults.length === 0 ? `${record.name}: all healthy` : `${record.name}: ${faults.join(', ')}`;
    context.print({
      text: [formatCluster(reports), ...scheduled.map(([task, run]) => formatScheduled(task, run)), `${summary}\n`].join('\n'),
      data,
    });
    if (flags.watch !== true) {
      if (faults.length > 0)
        throw new CaissonError('CLUSTER_UNHEALTHY', `The cluster "${record.name}" is not healthy: ${faults.join(', ')}`, {
          ...(ofSeed.length === 0 ? {} : { hint: ofSeed.map(({ hint }) => hint).join('\n') }),
        });
      return;
    }
    await sleep(WATCH_INTERVAL_MS, context.signal);
  }
}

/** The tasks that the seed has a timer for, each with how the last one ended. */
async function scheduledRuns(
  seed: string,
  options: Parameters<typeof scheduledRun>[2],
): Promise<readonly (readonly [SeedTask, ScheduledRun])[]> {
  const tasks = ['backup', 'renewal'] as const;
  const found = await Promise.all(tasks.map(async (task) => [task, await scheduledRun(seed, task, options)] as const));
  return found.flatMap(([task, run]) => (run === undefined ? [] : [[task, run] as const]));
}

/** An authority is a fault this long before its end: no run replaces one by itself. */
const AUTHORITY_DAYS = 60;

async function endingAuthorities({
  clock,
  machines,
}: CommandContext): Promise<readonly { readonly fault: string; readonly hint: string }[]> {
  const all = await listCertificates(seedLayout(machines?.seedRoot), clock);
  return all
    .filter(({ isAuthority, daysLeft }) => isAuthority && daysLeft <= AUTHORITY_DAYS)
    .map(({ name, authority, ends }) => ({
      fault: `the authority "${name}" ends on ${ends.slice(0, 10)}`,
      hint: `Replace it before its end: caisson certificates rotate ${authority}`,
    }));
}

/** Counts of faults by sort; empty when everything is healthy. */
function faultsOf(reports: readonly NodeReport[]): readonly string[] {
  const statuses = reports.flatMap(({ status }): AgentStatus[] => (status === undefined ? [] : [status]));
  const components = statuses.flatMap((status) => status.components);
  return [
    countFaults(reports.length - statuses.length, `of ${reports.length} nodes`, 'unreachable'),
    countFaults(statuses.filter((status) => status.components.length === 0).length, `of ${reports.length} nodes`, 'without components'),
    countFaults(unhealthyCount(statuses), `of ${components.length} components`, 'not healthy'),
    countFaults(statuses.filter((status) => status.problems.length > 0).length, `of ${reports.length} agents`, 'reporting problems'),
  ].filter((fault) => fault !== '');
}

/** Reads the hosts with roles, which are the nodes: a seed that is not a node has no role. Throws INPUT_UNREADABLE. */
async function readCluster(file: string): Promise<RecordedCluster> {
  const record = await openFileStore(file).read();
  if (record === undefined) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${file}": there is none`, {
      hint: 'Run this on the seed, the machine that the cluster was installed from',
    });
  }
  const nodes = Object.entries(record.hosts).filter(([, { roles }]) => roles.length > 0);
  return {
    name: record.name,
    seed: record.seed,
    nodes: nodes.map(([name, { address, roles }]) => ({ name, address, uuid: nodeUuid(record.name, name), roles })),
  };
}
