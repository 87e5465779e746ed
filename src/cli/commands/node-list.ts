import type { Command } from 'commander';
import type { AgentStatus, ClientCertificate } from '../../agent/index.ts';
import { nodeUuid } from '../../cluster/index.ts';
import { CaissonError, hasCode } from '../../core/index.ts';
import { suggestName } from '../../io/index.ts';
import { seedLayout } from '../../site/index.ts';
import { formatTable, formatTime, toCell } from '../../ui/index.ts';
import { listNodes, type ListedNode, type NodeList } from '../../usecases/index.ts';
import type { CommandContext, RunCommand } from '../command.ts';
import { siteOptions } from '../site/index.ts';
import { askNode, readClient } from './cluster-agents.ts';
import { faultsOfNode, isWell } from './status-faults.ts';
import { formatAgentStatus } from './status-table.ts';

interface ListFlags {
  readonly cluster?: string;
}

/** `caisson node list`: every node of cluster.yaml and of the record, what the next install would do with it, and how it is. */
export function registerNodeList(node: Command, run: RunCommand): void {
  const command = node.command('list').description('print the nodes of cluster.yaml and of the site record, and what runs on each');
  addClusterFlag(command).action((flags: ListFlags) => run((context) => printNodes(flags, context)));
}

/** `caisson node get`: one node, with every component on it. */
export function registerNodeGet(node: Command, run: RunCommand): void {
  const command = node
    .command('get')
    .description('print one node: its state and why, and every component on it')
    .argument('<name>', 'a node of cluster.yaml or of the site record');
  addClusterFlag(command).action((name: string, flags: ListFlags) => run((context) => printNode(name, flags, context)));
}

function addClusterFlag(command: Command): Command {
  return command.option('--cluster <file>', 'cluster.yaml (default: the file of the last run)');
}

/** A node with its state: what the next install does with it where there is something to do, else what its agent reports. */
interface ShownNode extends Omit<ListedNode, 'state'> {
  readonly state: string;
  /** Reason for the state, and the faults that the agent reports. */
  readonly reason: string;
  /** Status from its agent; absent while the agent is silent or not installed yet. */
  readonly status?: AgentStatus;
}

async function printNodes(flags: ListFlags, context: CommandContext): Promise<void> {
  const list = await readNodes(flags, context);
  const client = await findClient(context);
  const shown = await Promise.all(list.nodes.map((node) => showNode(node, list.cluster, client, context.signal)));
  const table = formatTable(
    ['NAME', 'ADDRESS', 'ROLES', 'STATE', 'REASON'],
    shown.map((node) => rowOf(node).map(toCell)),
  );
  const isChanged = list.nodes.some(({ state }) => state !== 'installed');
  const notes = [
    ...problemNotes(list),
    ...(isChanged ? [`${list.clusterPath} has changes that are not installed: caisson install --offline --plan`] : []),
  ];
  context.print({ text: [table, ...notes].join('\n'), data: { ...list, nodes: shown.map(({ status: _, ...node }) => node) } });
}

async function printNode(name: string, flags: ListFlags, context: CommandContext): Promise<void> {
  const list = await readNodes(flags, context);
  const found = list.nodes.find((node) => node.name === name);
  if (found === undefined) {
    const known = list.nodes.map((node) => node.name);
    throw new CaissonError('USAGE', `Cannot find "${name}": neither "${list.clusterPath}" nor the record of the site has such a node`, {
      hint: suggestName(name, known) ?? 'List the nodes: caisson node list',
    });
  }
  const shown = await showNode(found, list.cluster, await findClient(context), context.signal);
  const labels = ['Name', 'Address', 'Roles', 'State', 'Reason'];
  const facts = rowOf(shown).flatMap((value, index) => (value === '' ? [] : [`${`${labels[index] ?? ''}:`.padEnd(9)}${toCell(value)}`]));
  const parts = [facts.join('\n'), ...(shown.status === undefined ? [] : [formatAgentStatus(shown.status)]), ...problemNotes(list)];
  const { cluster, clusterPath, problem } = list;
  context.print({
    text: parts.join('\n\n'),
    data: { cluster, clusterPath, node: shown, ...(problem === undefined ? {} : { problem }) },
  });
}

function readNodes({ cluster }: ListFlags, context: CommandContext): Promise<NodeList> {
  return listNodes(siteOptions({ parallel: 1, ...(cluster === undefined ? {} : { cluster }) }, context));
}

function rowOf({ name, address, roles, state, reason }: ShownNode): readonly string[] {
  return [name, address, roles.join(', '), state, reason];
}

function problemNotes({ problem }: NodeList): readonly string[] {
  return problem === undefined ? [] : [`These are the nodes of the record; cluster.yaml cannot be read: ${problem}`];
}

/** The operator's certificate, or the reason why agents cannot be asked. */
async function findClient({ machines }: CommandContext): Promise<ClientCertificate | string> {
  try {
    return await readClient(seedLayout(machines?.seedRoot).pki);
  } catch (error) {
    if (hasCode(error, 'INPUT_UNREADABLE')) return error.message;
    throw error;
  }
}

async function showNode(node: ListedNode, cluster: string, client: ClientCertificate | string, signal: AbortSignal): Promise<ShownNode> {
  const { name, address, roles, state, before = '' } = node;
  if (state === 'not installed') return { ...node, reason: `install it: caisson node install ${name}` };
  if (node.down !== undefined && state === 'installed') return showDown(node, node.down);
  // The agent at the new address, if there is any, is not the one that is installed.
  if (state === 'address changes') return { ...node, reason: `${before} → ${address}` };
  const report =
    typeof client === 'string'
      ? { unreachable: client, status: undefined }
      : await askNode({ name, address, roles, uuid: nodeUuid(cluster, name) }, client, signal);
  const { status } = report;
  const health = withCordon(
    node,
    status === undefined ? { state: 'offline', faults: [], reason: report.unreachable ?? '' } : healthOf(status),
  );
  const shown = { ...node, ...(status === undefined ? {} : { status }) };
  if (state === 'installed') return { ...shown, ...health };
  const change = state === 'leaves' ? 'the next install removes it' : `${before} → ${roles.join(', ')}`;
  return { ...shown, reason: health.reason === '' ? change : `${change}; ${health.state}: ${health.reason}` };
}

/** A node that an operator has down. Its agent is not asked: what it would say is known. */
function showDown(node: ListedNode, { since, stopped }: NonNullable<ListedNode['down']>): ShownNode {
  const half = stopped === true ? '' : '; a command that stops or starts its components did not end, so run it again';
  return { ...node, state: 'down', reason: `down since ${formatTime(since)}, bring it up with: caisson node up ${node.name}${half}` };
}

interface NodeHealth {
  readonly state: 'running' | 'offline';
  /** Words that go behind the state. */
  readonly faults: readonly string[];
  readonly reason: string;
}

/** The state and its reason, of a node that may be cordoned. */
function withCordon({ name, cordoned }: ListedNode, { state, faults, reason }: NodeHealth): { state: string; reason: string } {
  const words = [...(cordoned === undefined ? [] : ['unschedulable']), ...faults];
  const cordon =
    cordoned === undefined ? [] : [`cordoned since ${formatTime(cordoned.since)}, take it back with: caisson node uncordon ${name}`];
  return {
    state: words.length === 0 ? state : `${state} (${words.join(', ')})`,
    reason: [...cordon, ...(reason === '' ? [] : [reason])].join('; '),
  };
}

function healthOf(status: AgentStatus): NodeHealth {
  const faults = faultsOfNode(status);
  if (faults.length === 0) return { state: 'running', faults: [], reason: '' };
  const unhealthy = status.components.filter((component) => !isWell(component));
  const named = unhealthy.map(({ name, state, reason }) => `${name} is ${state}${reason === '' ? '' : `: ${reason}`}`);
  return { state: 'running', faults: ['unhealthy'], reason: [...faults, ...named].join('; ') };
}
