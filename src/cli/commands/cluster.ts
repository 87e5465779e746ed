import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askAgent, type AgentStatus, type ClientCertificate } from '../../agent/index.ts';
import { nodeUuid } from '../../cluster/index.ts';
import { CaissonError, messageOf } from '../../core/index.ts';
import { sleep } from '../../io/index.ts';
import { AGENT_PORT, openFileStore } from '../../site/index.ts';
import type { CommandContext, RegisterCommand } from '../command.ts';
import { countFaults, unhealthyCount } from './status-faults.ts';
import { formatCluster, type NodeReport } from './status-table.ts';

const DEFAULT_STATE = '/var/lib/caisson';
const DEFAULT_PKI = '/etc/caisson/pki';
const ANSWER_TIMEOUT_MS = 5000;
const WATCH_INTERVAL_MS = 2000;

interface RecordedNode {
  readonly name: string;
  readonly address: string;
  readonly uuid: string;
  readonly roles: readonly string[];
}

/** Name and nodes of the cluster, from the site record. */
interface RecordedCluster {
  readonly name: string;
  readonly nodes: readonly RecordedNode[];
}

interface ClusterFlags {
  readonly watch?: boolean;
  readonly state: string;
  readonly pki: string;
}

/** `caisson cluster`: asks every node's agent; exit status 6 when a node does not answer or something is not healthy. */
export const registerCluster: RegisterCommand = (program, run) => {
  program
    .command('cluster')
    .description('print nodes, roles, and the state of every component and since when; run it on the seed')
    .option('--watch', 'print again every two seconds, until interrupted')
    .option('--state <directory>', 'where the installer keeps what it knows of the cluster', DEFAULT_STATE)
    .option('--pki <directory>', "where the operator's certificate is", DEFAULT_PKI)
    .action((flags: ClusterFlags) => run((context) => showCluster(flags, context)));
};

async function showCluster(flags: ClusterFlags, context: CommandContext): Promise<void> {
  const record = await readCluster(join(flags.state, 'site.json'));
  const client = await readClient(flags.pki);
  for (;;) {
    const reports = await Promise.all(record.nodes.map((node) => askNode(node, AGENT_PORT, client, context.signal)));
    const faults = faultsOf(reports);
    const data = { cluster: record.name, healthy: faults.length === 0, nodes: reports };
    const summary = faults.length === 0 ? `${record.name}: all healthy` : `${record.name}: ${faults.join(', ')}`;
    context.print({ text: `${formatCluster(reports)}\n${summary}\n`, data });
    if (flags.watch !== true) {
      if (faults.length > 0)
        throw new CaissonError('CLUSTER_UNHEALTHY', `The cluster "${record.name}" is not healthy: ${faults.join(', ')}`);
      return;
    }
    await sleep(WATCH_INTERVAL_MS, context.signal);
  }
}

async function askNode(node: RecordedNode, port: number, client: ClientCertificate, signal: AbortSignal): Promise<NodeReport> {
  try {
    const status = await askAgent(node.address, port, client, { timeoutMs: ANSWER_TIMEOUT_MS, signal });
    if (status.node.uuid === node.uuid) return { ...node, status };
    return { ...node, unreachable: `another node answers there: "${status.node.name}" (${status.node.uuid})` };
  } catch (error) {
    signal.throwIfAborted();
    return { ...node, unreachable: messageOf(error) };
  }
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
    nodes: nodes.map(([name, { address, roles }]) => ({ name, address, uuid: nodeUuid(record.name, name), roles })),
  };
}

async function readClient(pki: string): Promise<ClientCertificate> {
  const hint = 'Run this as root on the seed, where the installer put the certificate';
  const [certificate, key, authority] = await Promise.all([
    readOrExplain(join(pki, 'operator.crt'), hint),
    readOrExplain(join(pki, 'operator.key'), hint),
    readOrExplain(join(pki, 'ca.crt'), hint),
  ]);
  return { certificate, key, authority };
}

async function readOrExplain(file: string, hint: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CaissonError('INPUT_UNREADABLE', `Cannot read "${file}": ${messageOf(error)}`, { cause: error, hint });
  }
}
