import * as z from 'zod';
import { InvalidInputError } from '../core/index.ts';
import { addYamlItem, readYaml, removeYamlItem, setYamlValue, suggestName, type YamlDocument } from '../io/index.ts';
import { isAddress } from '../manifests/index.ts';
import { normalAddress } from './networks.ts';

/** A node as a command adds it to cluster.yaml. What is left out is not written. */
export interface NewNode {
  readonly name: string;
  readonly address: string;
  readonly roles: readonly string[];
  readonly ssh?: {
    readonly user?: string;
    readonly port?: number;
    readonly identityFile?: string;
    readonly hostKey?: string;
  };
}

/** A node as cluster.yaml has it, as far as it can be understood. */
export interface DeclaredNode {
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  readonly roles: readonly string[];
  readonly ssh: Readonly<Record<string, unknown>>;
}

const text = z.string().optional().catch(undefined);
const nodesSchema = z.looseObject({
  nodes: z.array(
    z
      .looseObject({
        name: text,
        address: text,
        roles: z.array(z.string()).catch([]),
        ssh: z.record(z.string(), z.unknown()).catch({}),
      })
      .catch({ name: undefined, address: undefined, roles: [], ssh: {} }),
  ),
});

/** The nodes of a cluster.yaml, whatever else is wrong in it. Throws InvalidInputError when it has no list of nodes. */
export function declaredNodes(content: string, file: string): readonly DeclaredNode[] {
  return openNodes(content, file).nodes;
}

/**
 * Returns the text of cluster.yaml with one more node, at the end of the list. All other bytes stay. A node that is there
 * with the same address and roles leaves the text as it is. Throws InvalidInputError for a name or an address that another
 * node has.
 */
export function addNode(content: string, file: string, node: NewNode): string {
  const { document, nodes } = openNodes(content, file);
  const sameName = nodes.findIndex(({ name }) => name === node.name);
  const same = nodes[sameName];
  if (same !== undefined) {
    if (isSameNode(same, node)) return content;
    const [has, roles] = [same.address ?? 'no address', same.roles.join(', ') || 'no roles'];
    const reason = `the cluster has a node "${node.name}" already, with ${has} and ${roles}`;
    throw refusal(document, ['nodes', sameName, 'name'], reason, `take another name; for other roles: caisson node roles ${node.name}`);
  }
  refuseAddress(document, nodes, node.address);
  const { name, address, roles, ssh = {} } = node;
  return addYamlItem(content, file, ['nodes'], { name, address, roles, ...(Object.keys(ssh).length === 0 ? {} : { ssh: { ...ssh } }) });
}

/**
 * Returns the text of cluster.yaml without a node and the comments on its lines and directly above them. Throws
 * InvalidInputError for a node that is not there.
 */
export function removeNode(content: string, file: string, name: string): string {
  return removeYamlItem(content, file, ['nodes'], indexOf(openNodes(content, file), name));
}

/**
 * Returns the text of cluster.yaml with other roles of a node. Roles that it keeps stay where they are, new ones follow in
 * the given order. Throws InvalidInputError for a node that is not there.
 */
export function setRoles(content: string, file: string, name: string, roles: readonly string[]): string {
  const opened = openNodes(content, file);
  const index = indexOf(opened, name);
  const path = ['nodes', index, 'roles'];
  const before = opened.nodes[index]?.roles ?? [];
  if (before.length === 0) return setYamlValue(content, file, path, [...roles]);
  // New ones are added first, so that the list is at no time empty.
  const added = roles.filter((role) => !before.includes(role)).reduce((edited, role) => addYamlItem(edited, file, path, role), content);
  const gone = before.flatMap((role, place) => (roles.includes(role) ? [] : [place])).reverse();
  return gone.reduce((edited, place) => removeYamlItem(edited, file, path, place), added);
}

/**
 * Returns the text of cluster.yaml with another address of a node and the given settings of the login there. Throws
 * InvalidInputError for a node that is not there, and for an address that another node has.
 */
export function setAddress(content: string, file: string, name: string, to: Pick<NewNode, 'address' | 'ssh'>): string {
  const opened = openNodes(content, file);
  const index = indexOf(opened, name);
  refuseAddress(opened.document, opened.nodes, to.address, index);
  const moved = setYamlValue(content, file, ['nodes', index, 'address'], to.address);
  const login = Object.entries(to.ssh ?? {});
  if (login.length === 0) return moved;
  const hasLogin = Object.keys(opened.nodes[index]?.ssh ?? {}).length > 0;
  return hasLogin
    ? login.reduce((edited, [key, value]) => setYamlValue(edited, file, ['nodes', index, 'ssh', key], value), moved)
    : setYamlValue(moved, file, ['nodes', index, 'ssh'], Object.fromEntries(login));
}

interface OpenedNodes {
  readonly document: YamlDocument;
  readonly nodes: readonly DeclaredNode[];
}

function openNodes(content: string, file: string): OpenedNodes {
  const document = readYaml(content, file);
  const { data } = nodesSchema.safeParse(document.value);
  if (data === undefined) throw refusal(document, ['nodes'], 'is not a list of nodes', 'manifests/examples/cluster.yaml has one');
  return { document, nodes: data.nodes };
}

function indexOf({ document, nodes }: OpenedNodes, name: string): number {
  const index = nodes.findIndex((node) => node.name === name);
  if (index >= 0) return index;
  const known = nodes.flatMap((node) => (node.name === undefined ? [] : [node.name]));
  throw refusal(document, ['nodes'], `there is no node "${name}"`, suggestName(name, known));
}

function refuseAddress(document: YamlDocument, nodes: readonly DeclaredNode[], address: string, except = -1): void {
  const same = nodes.findIndex((node, index) => index !== except && node.address !== undefined && isSame(node.address, address));
  if (same < 0) return;
  const reason = `the node "${nodes[same]?.name ?? ''}" has the address "${address}" already`;
  throw refusal(document, ['nodes', same, 'address'], reason, 'give the address of another machine');
}

/** True for a node with the address and the roles that are asked for, and with the login where one is asked for. */
function isSameNode(declared: DeclaredNode, { address, roles, ssh = {} }: NewNode): boolean {
  const isLogin = Object.entries(ssh).every(([key, value]) => declared.ssh[key] === value);
  const isRoles = [...declared.roles].sort().join(' ') === [...roles].sort().join(' ');
  return isLogin && isRoles && declared.address !== undefined && isSame(declared.address, address);
}

function isSame(left: string, right: string): boolean {
  if (!isAddress(left) || !isAddress(right)) return left === right;
  return normalAddress(left) === normalAddress(right);
}

function refusal(
  document: YamlDocument,
  path: readonly (string | number)[],
  reason: string,
  remedy: string | undefined,
): InvalidInputError {
  return new InvalidInputError(document.file, [document.problemAt(path, reason, remedy)]);
}
