import type { Command } from 'commander';
import type { NewNode } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import { changeNode, declareNode, install, listNodes, planInstall, planNodeChange, type NodeChange } from '../../usecases/index.ts';
import type { CommandContext, RegisterCommand, RunCommand } from '../command.ts';
import { addBundleFlags, addSiteFlags, runSiteVerb, siteOptions, type SiteFlags } from '../site/index.ts';
import { registerCordon, registerUncordon } from './node-cordon.ts';
import { addNodeSshFlags, collectList, nodeSsh, type NodeSshFlags } from './node-flags.ts';
import { registerDown, registerUp } from './node-down.ts';
import { addLoginFlags, readLogin, withKnownHost, type LoginFlags } from './node-login.ts';
import { registerNodeGet, registerNodeList } from './node-list.ts';

/** `caisson node`: the nodes of a running cluster. What adds, changes or removes one edits cluster.yaml and makes the plan of an install. */
export const registerNode: RegisterCommand = (program, run) => {
  const node = program
    .command('node')
    .description('add, change, remove and list nodes of the cluster; run it on the seed machine, as root');
  registerNodeList(node, run);
  registerNodeGet(node, run);
  registerAdd(node, run);
  registerInstall(node, run);
  registerRoles(node, run);
  registerRemove(node, run);
  registerReplace(node, run);
  registerCordon(node, run);
  registerUncordon(node, run);
  registerDown(node, run);
  registerUp(node, run);
};

interface AddFlags extends SiteFlags, LoginFlags, NodeSshFlags {
  readonly iip: string;
  readonly role: readonly string[];
  readonly install?: boolean;
}

function registerAdd(node: Command, run: RunCommand): void {
  const command = node
    .command('add')
    .description('write a node into cluster.yaml; with --install also install it')
    .argument('<name>', 'its name in the cluster')
    .requiredOption('--iip <address>', 'address by which the other hosts reach it')
    .requiredOption('--role <role>', 'what it is for, such as compute; several by a comma or by further --role', collectList);
  addNodeSshFlags(command).option('--install', 'show the plan, ask, and install it');
  addSiteFlags(addBundleFlags(addLoginFlags(command))).action((name: string, flags: AddFlags) =>
    run(async (context) => {
      const login = await readLogin(flags, name, context);
      const given = { what: 'add', node: newNode(name, flags), ...(login === undefined ? {} : { login }) } as const;
      const change = await withKnownHost(given, siteOptions(flags, context), context);
      return flags.install === true || flags.plan === true ? runChange(change, flags, context) : declare(change, name, flags, context);
    }),
  );
}

function registerInstall(node: Command, run: RunCommand): void {
  const command = node
    .command('install')
    .description('install what cluster.yaml has: the plan of the whole site, in which this node is named')
    .argument('<name>', 'a node of cluster.yaml');
  addSiteFlags(addBundleFlags(command)).action((name: string, flags: SiteFlags) =>
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
  addSiteFlags(addBundleFlags(command)).action((name: string, flags: SiteFlags & { readonly role: readonly string[] }) =>
    run((context) => runChange({ what: 'roles', name, roles: flags.role }, flags, context)),
  );
}

function registerRemove(node: Command, run: RunCommand): void {
  const command = node
    .command('remove')
    .description('remove a node from the cluster, and everything of the cluster from it')
    .argument('<name>', 'a node of cluster.yaml; add --forget NAME where it is lost for good')
    .option('--purge', 'remove its data, too');
  addSiteFlags(addBundleFlags(command)).action((name: string, flags: SiteFlags) =>
    run((context) => runChange({ what: 'remove', name }, flags, context)),
  );
}

interface ReplaceFlags extends SiteFlags, LoginFlags {
  readonly iip: string;
  readonly hostKey?: string;
}

function registerReplace(node: Command, run: RunCommand): void {
  const command = node
    .command('replace')
    .description('give the name and the roles of a node that is lost to another machine, and install it there')
    .argument('<name>', 'a node of cluster.yaml')
    .requiredOption('--iip <address>', 'address of the other machine')
    .option('--host-key <fingerprint>', 'fingerprint of its host key (SHA256:…), in place of an entry in known_hosts')
    .option('--purge', 'give up the data that the lost machine alone had');
  addSiteFlags(addBundleFlags(addLoginFlags(command))).action((name: string, flags: ReplaceFlags) =>
    run(async (context) => {
      const { iip: address, hostKey } = flags;
      const login = await readLogin(flags, name, context);
      const given = {
        what: 'replace',
        name,
        address,
        ...(hostKey === undefined ? {} : { hostKey }),
        ...(login === undefined ? {} : { login }),
      } as const;
      await runChange(await withKnownHost(given, siteOptions(flags, context), context), flags, context);
    }),
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

function newNode(name: string, flags: AddFlags): NewNode {
  return { name, address: flags.iip, roles: flags.role, ...nodeSsh(flags) };
}
