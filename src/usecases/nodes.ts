import {
  addNode,
  declaredNodes,
  parseClusterSpec,
  removeNode,
  setAddress,
  setRoles,
  type NewNode,
  type NodeSpec,
} from '../cluster/index.ts';
import { closeBundles } from '../bundle/index.ts';
import { CaissonError, messageOf } from '../core/index.ts';
import type { RunSummary } from '../engine/index.ts';
import type { FirstLogin } from '../ssh/index.ts';
import { readTextFile } from '../io/index.ts';
import { openFileStore, type RecordedHost, type SiteRecord } from '../site/index.ts';
import type { Cordon } from './cordon.ts';
import type { Down } from './down-nodes.ts';
import { editCluster, writeCluster, type EditedCluster } from './edited-cluster.ts';
import {
  hasSiteLogin,
  placeLoginKey,
  placeOnNewMachine,
  siteLogin,
  takeLoginKey,
  tryNewMachine,
  withFirstLogin,
  type NewMachine,
  type ShownKey,
} from './first-login.ts';
import { withInstallLock } from './install-lock.ts';
import { openRequest } from './open-request.ts';
import { planOperation, runOperation, type Approve, type Operation, type OperationOptions } from './operation.ts';
import type { PlannedRun } from './planned-run.ts';
import { layoutOf } from './session.ts';
import { siteSources } from './site-sources.ts';

/**
 * A change of one node. It is made in cluster.yaml, which stays the only declaration of the site, and carried out by the
 * same plan as an install.
 */
export type NodeChange =
  /** `login` is used once: it puts the key of the site on the machine, and cluster.yaml gets the login by that key. */
  | { readonly what: 'add'; readonly node: NewNode; readonly login?: FirstLogin }
  | { readonly what: 'remove'; readonly name: string }
  | { readonly what: 'roles'; readonly name: string; readonly roles: readonly string[] }
  /** Another machine, at another address, takes the name and the roles of one that is lost. */
  | {
      readonly what: 'replace';
      readonly name: string;
      readonly address: string;
      readonly hostKey?: string;
      readonly login?: FirstLogin;
    };

/**
 * Logs in to the machine of a change by the login that is given for it, and changes nothing. Returns the key that the
 * machine shows when nothing says that it is its own. Does nothing for a change without a login. Throws what connectHost
 * throws for every other reason, and INPUT_INVALID as changeNode does.
 */
export async function tryLogin(options: OperationOptions, change: NodeChange): Promise<ShownKey | undefined> {
  const { machine } = await editNode(options, change);
  return machine === undefined ? undefined : tryNewMachine(options, machine);
}

/** Plans a change of a node and changes nothing, cluster.yaml included. Throws as changeNode does before its first change. */
export async function planNodeChange(options: OperationOptions, change: NodeChange): Promise<PlannedRun> {
  const edited = await editNode(options, change);
  return planOperation(edited.options, { name: 'node' });
}

/**
 * Plans with the changed cluster.yaml, asks, writes the file and carries the plan out. After a kill or a failure the same
 * command, or an install, goes on. Throws INPUT_INVALID for a change that makes the file invalid, INPUT_CHANGED when the
 * file was changed while the plan was shown, and as runOperation does.
 */
export async function changeNode(options: OperationOptions, change: NodeChange, approve: Approve): Promise<RunSummary> {
  const edited = await editNode(options, change);
  const { machine } = edited;
  const operation: Operation = {
    name: 'node',
    approved: async ({ hosts, keys, record }) => {
      // The file says how to log in only after that way is open, so that an install goes on where this run is killed.
      const host = hosts.get(machine?.node.name ?? '');
      if (host !== undefined && machine !== undefined) await placeLoginKey(host, machine.node, keys, options);
      await leaveNewMachine(options, change, edited, record);
      await writeCluster(edited);
    },
  };
  return runOperation(edited.options, operation, approve);
}

/**
 * Changes cluster.yaml alone, after the result was checked against the manifests of the bundle: the change is carried out by
 * the next install. Returns the path of the file. Throws as changeNode does.
 */
export async function declareNode(options: OperationOptions, change: NodeChange): Promise<string> {
  const layout = layoutOf(options);
  return withInstallLock(layout, async () => {
    const edited = await editNode(options, change);
    const { bundlePaths, clusterPath } = edited.sources;
    const request = await openRequest(bundlePaths, clusterPath, {
      clusterText: edited.after,
      stagedBundles: layout.bundles,
      trust: options.trust,
      clock: options.clock,
      home: options.connect.home,
    });
    await closeBundles(request.bundles);
    if (edited.machine !== undefined) await placeOnNewMachine(options, edited.machine);
    await leaveNewMachine(options, change, edited, await openFileStore(layout.record).read());
    await writeCluster(edited);
    return clusterPath;
  });
}

/** Takes back the key of the site from a node that is removed and was never installed, unless it is forgotten. */
async function leaveNewMachine(
  options: OperationOptions,
  change: NodeChange,
  { before, sources }: EditedCluster,
  record: SiteRecord | undefined,
): Promise<void> {
  if (change.what !== 'remove' || record?.hosts[change.name] !== undefined || options.forget?.includes(change.name) === true) return;
  const cluster = { path: sources.clusterPath, text: before };
  const node = parseClusterSpec(before, cluster.path).nodes.find(({ name }) => name === change.name);
  if (node !== undefined && hasSiteLogin(options, node)) await takeLoginKey(options, node, cluster);
}

/** How a node of cluster.yaml or of the record differs from the other of the two. */
export type NodeState = 'installed' | 'not installed' | 'leaves' | 'roles change' | 'address changes';

export interface ListedNode {
  readonly name: string;
  readonly address: string;
  readonly roles: readonly string[];
  readonly state: NodeState;
  /** The recorded roles or address, where the state says that they change. */
  readonly before?: string;
  /** Set while an operator keeps new work away from the node. */
  readonly cordoned?: Cordon;
  /** Set while an operator has the node down. */
  readonly down?: Down;
}

export interface NodeList {
  /** Name of the cluster. */
  readonly cluster: string;
  readonly clusterPath: string;
  readonly nodes: readonly ListedNode[];
  /** Message of the error for a cluster.yaml that is missing or invalid; the nodes are then those of the record. */
  readonly problem?: string;
}

/**
 * Compares the nodes of cluster.yaml with those that the record says are installed. Connects to no host. Throws
 * SITE_UNKNOWN on a machine without a record.
 */
export async function listNodes(options: OperationOptions): Promise<NodeList> {
  const layout = layoutOf(options);
  const record = await openFileStore(layout.record).read();
  // No bundle is needed for a list.
  const { clusterPath } = await siteSources({ bundlePaths: [], clusterPath: options.clusterPath }, record, layout);
  const cluster = record?.name ?? '';
  const recorded = Object.entries(record?.hosts ?? {}).filter(([, { roles }]) => roles.length > 0);
  try {
    const { nodes } = parseClusterSpec(await readTextFile(clusterPath), clusterPath);
    const leaving = recorded.filter(([name]) => !nodes.some((node) => node.name === name));
    return {
      cluster,
      clusterPath,
      nodes: [
        ...nodes.map((node) => compare(node, record)),
        ...leaving.map(([name, host]): ListedNode => ({ ...listedHost(name, host), state: 'leaves' })),
      ],
    };
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return {
      cluster,
      clusterPath,
      nodes: recorded.map(([name, host]): ListedNode => ({ ...listedHost(name, host), state: 'installed' })),
      problem: messageOf(error),
    };
  }
}

function listedHost(name: string, { address, roles, cordoned, down }: RecordedHost): Omit<ListedNode, 'state'> {
  return { name, address, roles, ...(cordoned === undefined ? {} : { cordoned }), ...(down === undefined ? {} : { down }) };
}

function compare({ name, address, roles }: NodeSpec, record: SiteRecord | undefined): ListedNode {
  const recorded = record?.hosts[name];
  const listed = recorded === undefined ? { name, address, roles } : { ...listedHost(name, recorded), address, roles };
  if (recorded === undefined || recorded.roles.length === 0) return { ...listed, state: 'not installed' };
  if (recorded.address !== address) return { ...listed, state: 'address changes', before: recorded.address };
  const before = recorded.roles.join(', ');
  return [...recorded.roles].sort().join(' ') === [...roles].sort().join(' ')
    ? { ...listed, state: 'installed' }
    : { ...listed, state: 'roles change', before };
}

/** The edited cluster.yaml, and the machine that is logged in to by what the change gives. */
interface EditedNode extends EditedCluster {
  readonly machine: NewMachine | undefined;
}

async function editNode(options: OperationOptions, change: NodeChange): Promise<EditedNode> {
  const edited = await editCluster(options, (text, file, record) => edit(text, file, withSiteLogin(options, text, file, change), record));
  const machine = newMachine(change, { path: edited.sources.clusterPath, text: edited.after });
  return machine === undefined ? { ...edited, machine } : { ...edited, options: withFirstLogin(edited.options, machine), machine };
}

/** The machine that a change logs in to for the first time, as the edited cluster.yaml has it. */
function newMachine(change: NodeChange, cluster: NewMachine['cluster']): NewMachine | undefined {
  if (!('login' in change) || change.login === undefined) return undefined;
  const name = change.what === 'add' ? change.node.name : change.name;
  const node = parseClusterSpec(cluster.text, cluster.path).nodes.find((one) => one.name === name);
  return node === undefined ? undefined : { node, login: change.login, cluster };
}

/** Adds the login by the key of the site to a change that gives another one for the first time. */
function withSiteLogin(
  options: OperationOptions,
  text: string,
  file: string,
  change: NodeChange,
): NodeChange & { readonly ssh?: NewNode['ssh'] } {
  if (!('login' in change) || change.login === undefined) return change;
  const { ssh, nodes } = parseClusterSpec(text, file);
  if (change.what === 'add') {
    const given = change.node.ssh;
    return { ...change, node: { ...change.node, ssh: { ...given, ...siteLogin(options, given?.user ?? ssh.user) } } };
  }
  const known = nodes.find(({ name }) => name === change.name)?.ssh;
  return { ...change, ssh: siteLogin(options, known?.user ?? ssh.user) };
}

function edit(text: string, file: string, change: NodeChange & { readonly ssh?: NewNode['ssh'] }, record: SiteRecord | undefined): string {
  switch (change.what) {
    case 'add':
      return addNode(text, file, change.node);
    case 'roles':
      return setRoles(text, file, change.name, change.roles);
    case 'replace':
      return setAddress(text, file, change.name, {
        address: change.address,
        ssh: { ...change.ssh, ...(change.hostKey === undefined ? {} : { hostKey: change.hostKey }) },
      });
    case 'remove': {
      if (declaredNodes(text, file).some(({ name }) => name === change.name)) return removeNode(text, file, change.name);
      // A run that removed it did not end: the file has it no more, and the record still does.
      if ((record?.hosts[change.name]?.roles ?? []).length > 0) return text;
      throw new CaissonError('USAGE', `Cannot remove "${change.name}": neither "${file}" nor the record of the site has it`, {
        hint: 'List the nodes: caisson node list',
      });
    }
  }
}
