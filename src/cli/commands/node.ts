import type { Command } from 'commander';
import { nodeUuid, type NewNode } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import { seedLayout } from '../../site/index.ts';
import { formatTable } from '../../ui/index.ts';
import {
  changeNode,
  declareNode,
  install,
  listNodes,
  planInstall,
  planNodeChange,
  type ListedNode,
  type NodeChange,
} from '../../usecases/index.ts';
import { collect } from '../collect.ts';
import type { CommandContext, RegisterCommand, RunCommand } from '../command.ts';
import { addBundleFlag, addSiteFlags, runSiteVerb, siteOptions, type SiteFlags } from '../site/index.ts';
import { askNode, readClient } from './cluster-agents.ts';
import { faultsOfNode } from './status-faults.ts';

/** `caisson node`: the nodes of a running cluster. Each subcommand edits cluster.yaml and makes the plan of an install. */
export const registerNode: RegisterCommand = (program, run) => {
  const node = program
    .command('node')
    .description('add, change, remove and list nodes of the cluster; run it on the seed machine, as root');
  registerList(node, run);
  registerAdd(node, run);
  registerInstall(node, run);
  registerRoles(node, run);
  registerRemove(node, run);
};

interface AddFlags extends SiteFlags {
  readonly iip: string;
  readonly role: readonly string[];
  readonly sshUser?: string;
  readonly sshPort?: string;
  readonly hostKey?: string;
  readonly install?: boolean;
}

function registerAdd(node: Command, run: RunCommand): void {
  const command = node
    .command('add')
    .description('write a node into cluster.yaml; with --install also install it')
    .argument('<name>', 'its name in the cluster')
    .requiredOption('--iip <address>', 'address by which the other hosts reach it')
    .requiredOption('--role <role>', 'what it is for, such as compute; several by a comma or by further --role', collectList)
    .option('--ssh-user <user>', 'login on it, where it differs from the ssh section')
    .option('--ssh-port <port>', 'port of its sshd, where it differs from the ssh section')
    .option('--host-key <fingerprint>', 'fingerprint of its host key (SHA256:…), in place of an entry in known_hosts')
    .option('--install', 'show the plan, ask, and install it');
  addSiteFlags(addBundleFlag(command)).action((name: string, flags: AddFlags) =>
    run((context) => {
      const change: NodeChange = { what: 'add', node: newNode(name, flags) };
      return flags.install === true || flags.plan === true ? runChange(change, flags, context) : declare(change, name, flags, context);
    }),
  );
}

function registerInstall(node: Command, run: RunCommand): void {
  const command = node
    .command('install')
    .description('install what cluster.yaml has: the plan of the whole site, in which this node is named')
    .argument('<name>', 'a node of cluster.yaml');
  addSiteFlags(addBundleFlag(command)).action((name: string, flags: SiteFlags) =>
    run(async (context) => {
      const { clusterPath, nodes, problem } = await listNodes(siteOptions(flags, context));
      if (problem === undefined && !nodes.some((known) => known.name === name && known.state !== 'leaves')) {
        throw new CaissonError('USAGE', `Cannot install "${name}": "${clusterPath}" has no such node`, {
          hint: `Add it: caisson node add ${name} --iip ADDRESS --role ROLE`,
        });
      }
      await runSiteVerb({ plan: planInstall, run: install }, flags, context);
    }),
  );
}

function registerRoles(node: Command, run: RunCommand): void {
  const command = node
    .command('roles')
    .description('set the roles of a node: what a new role needs is installed, what no role needs any more is removed')
    .argument('<name>', 'a node of cluster.yaml')
    .requiredOption('--role <role>', 'all its roles; several by a comma or by further --role', collectList)
    .option('--purge', 'remove the data of what is removed, too');
  addSiteFlags(addBundleFlag(command)).action((name: string, flags: SiteFlags & { readonly role: readonly string[] }) =>
    run((context) => runChange({ what: 'roles', name, roles: flags.role }, flags, context)),
  );
}

function registerRemove(node: Command, run: RunCommand): void {
  const command = node
    .command('remove')
    .description('remove a node from the cluster, and everything of the cluster from it')
    .argument('<name>', 'a node of cluster.yaml; add --forget NAME where it is lost for good')
    .option('--purge', 'remove its data, too');
  addSiteFlags(addBundleFlag(command)).action((name: string, flags: SiteFlags) =>
    run((context) => runChange({ what: 'remove', name }, flags, context)),
  );
}

function runChange(change: NodeChange, flags: SiteFlags, context: CommandContext): Promise<void> {
  return runSiteVerb(
    { plan: (options) => planNodeChange(options, change), run: (options, approve) => changeNode(options, change, approve) },
    flags,
    context,
  );
}

async function declare(change: NodeChange, name: string, flags: SiteFlags, context: CommandContext): Promise<void> {
  const clusterPath = await declareNode(siteOptions(flags, context), change);
  context.print({
    text: `"${name}" is in ${clusterPath}\nInstall it with: caisson node install ${name}`,
    data: { node: name, clusterPath },
  });
}

function newNode(name: string, { iip, role, sshUser, sshPort, hostKey }: AddFlags): NewNode {
  const ssh = {
    ...(sshUser === undefined ? {} : { user: sshUser }),
    ...(sshPort === undefined ? {} : { port: parsePort(sshPort) }),
    ...(hostKey === undefined ? {} : { hostKey }),
  };
  return { name, address: iip, roles: role, ...(Object.keys(ssh).length === 0 ? {} : { ssh }) };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new CaissonError('USAGE', `"${text}" is not a port`, { hint: 'Write a number from 1 to 65535' });
  }
  return port;
}

function collectList(value: string, before: readonly string[] = []): readonly string[] {
  return value
    .split(',')
    .filter((part) => part !== '')
    .reduce<readonly string[]>((all, part) => collect(part, all), before);
}

function registerList(node: Command, run: RunCommand): void {
  const command = node.command('list').description('print the nodes of cluster.yaml and of the site record, and what runs on each');
  command
    .option('--cluster <file>', 'cluster.yaml (default: the file of the last run)')
    .action((flags: { readonly cluster?: string }) => run((context) => showNodes({ parallel: 1, ...flags }, context)));
}

/** A node with its state: `not installed`, `leaves` or a change where the next install has work there, else the state that its agent reports. */
interface ShownNode extends Omit<ListedNode, 'state'> {
  readonly state: string;
  readonly reason: string;
}

async function showNodes(flags: SiteFlags, context: CommandContext): Promise<void> {
  const { cluster, clusterPath, nodes, problem } = await listNodes(siteOptions(flags, context));
  const shown = await Promise.all(nodes.map((node) => showNode(node, cluster, context)));
  const table = formatTable(
    ['NAME', 'ADDRESS', 'ROLES', 'STATE', 'REASON'],
    shown.map(({ name, address, roles, state, reason }) => [name, address, roles.join(', '), state, reason]),
  );
  const changes = nodes.some(({ state }) => state !== 'installed');
  const notes = [
    ...(problem === undefined ? [] : [`These are the nodes of the record; cluster.yaml cannot be read: ${problem}`]),
    ...(changes ? [`${clusterPath} has changes that are not installed: caisson install --offline --plan`] : []),
  ];
  context.print({
    text: [table, ...notes].join('\n'),
    data: { cluster, clusterPath, nodes: shown, ...(problem === undefined ? {} : { problem }) },
  });
}

async function showNode(node: ListedNode, cluster: string, context: CommandContext): Promise<ShownNode> {
  const { name, address, roles, state, before } = node;
  if (state === 'not installed') return { ...node, state, reason: `caisson node install ${name}` };
  if (state === 'roles change' || state === 'address changes') return { ...node, state, reason: `installed with ${before ?? ''}` };
  if (state === 'leaves') return { ...node, state, reason: 'the next install removes it' };
  const client = await readClient(seedLayout().pki);
  const report = await askNode({ name, address, roles, uuid: nodeUuid(cluster, name) }, client, context.signal);
  if (report.status === undefined) return { ...node, state: 'offline', reason: report.unreachable ?? '' };
  const faults = faultsOfNode(report.status);
  return faults.length === 0
    ? { ...node, state: 'running', reason: '' }
    : { ...node, state: 'running (unhealthy)', reason: faults.join(', ') };
}
