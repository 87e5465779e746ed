import { CaissonError } from '../core/index.ts';
import { findYamlList, yamlScalar, type YamlList, type YamlListItem } from '../io/index.ts';
import { parseClusterSpec, type NodeSpec } from './cluster-spec.ts';

/** A node as a command adds it to cluster.yaml. */
export interface NewNode {
  readonly name: string;
  readonly address: string;
  readonly roles: readonly string[];
  readonly ssh?: { readonly user?: string; readonly port?: number; readonly hostKey?: string };
}

/**
 * Adds a node at the end of the list in a text of cluster.yaml. All characters of the text stay; a comment below the last
 * node can come to stand below the new one. A node that is there with the same address and roles leaves the text as it is.
 * Throws INPUT_INVALID when the name or the address belongs to another node, when the result is no valid cluster.yaml, or
 * when the text cannot be edited safely.
 */
export function addNode(text: string, file: string, node: NewNode): string {
  const { nodes } = parseClusterSpec(text, file);
  const same = nodes.find(({ name }) => name === node.name);
  if (same !== undefined) {
    if (same.address === node.address && sameRoles(same.roles, node.roles)) return text;
    throw refused(file, `"${node.name}" is there already, with address ${same.address} and roles ${same.roles.join(', ')}`);
  }
  const other = nodes.find(({ address }) => address === node.address);
  if (other !== undefined) throw refused(file, `"${other.name}" has the address ${node.address}`);
  const list = nodesOf(text, file);
  const end = trimmedEnd(text, itemAt(list, -1, file).end);
  const added = list.isFlow
    ? `${text.slice(0, end)}, ${flowNode(node)}${text.slice(end)}`
    : insertLine(text, lineEnd(text, end), `${' '.repeat(columnOfDash(text, itemAt(list, 0, file).start))}- ${flowNode(node)}`);
  return checked(added, file, [...nodes.map(summaryOf), summaryOf(node)]);
}

/**
 * Removes a node from a text of cluster.yaml, with the comment on its lines and the one directly above them, which can be
 * one about the node before. The rest of the text stays. A name that is not there leaves the text as it is. Throws INPUT_INVALID as addNode does.
 */
export function removeNode(text: string, file: string, name: string): string {
  const { nodes } = parseClusterSpec(text, file);
  const index = nodes.findIndex((node) => node.name === name);
  if (index < 0) return text;
  if (nodes.length === 1) throw refused(file, `"${name}" is the only node; a whole cluster is removed by caisson reset`);
  const list = nodesOf(text, file);
  const item = itemAt(list, index, file);
  const end = trimmedEnd(text, item.end);
  const kept = nodes.filter((node) => node.name !== name).map(summaryOf);
  if (list.isFlow) {
    const after = /^\s*,\s*/.exec(text.slice(end));
    if (after !== null) return checked(text.slice(0, item.start) + text.slice(end + after[0].length), file, kept);
    return checked(text.slice(0, item.start).replace(/,\s*$/, '') + text.slice(end), file, kept);
  }
  let start = lineStart(text, text.lastIndexOf('-', item.start));
  while (start > 0 && /^\s*#/.test(text.slice(lineStart(text, start - 1), start))) start = lineStart(text, start - 1);
  return checked(text.slice(0, start) + text.slice(Math.min(text.length, lineEnd(text, end) + 1)), file, kept);
}

/**
 * Sets the roles of a node in a text of cluster.yaml. The rest of the text stays; comments between the old roles go. Throws
 * INPUT_INVALID, also for an unknown node.
 */
export function setRoles(text: string, file: string, name: string, roles: readonly string[]): string {
  const { nodes } = parseClusterSpec(text, file);
  const index = nodes.findIndex((node) => node.name === name);
  const node = nodes[index];
  if (node === undefined) throw refused(file, `it has no node "${name}"; it has ${nodes.map((one) => one.name).join(', ')}`);
  if (sameRoles(node.roles, roles)) return text;
  const { key, value } = itemAt(nodesOf(text, file), index, file).fields.get('roles') ?? fail(file);
  const changed = `${text.slice(0, key.end)}: ${flowList(roles)}${text.slice(trimmedEnd(text, value.end))}`;
  return checked(
    changed,
    file,
    nodes.map((one) => summaryOf(one.name === name ? { ...one, roles } : one)),
  );
}

function nodesOf(text: string, file: string): YamlList {
  return findYamlList(text, 'nodes') ?? fail(file);
}

function itemAt({ items }: YamlList, index: number, file: string): YamlListItem {
  return items.at(index) ?? fail(file);
}

function fail(file: string): never {
  throw refused(file, 'its list of nodes is written in a way that a command does not edit');
}

/** Checks an edited text: the whole file must be valid and have exactly the expected nodes. */
function checked(text: string, file: string, expected: readonly string[]): string {
  const found = parseClusterSpec(text, file).nodes.map(summaryOf);
  if (found.length === expected.length && found.every((node, index) => node === expected[index])) return text;
  return fail(file);
}

function summaryOf({ name, address, roles }: Pick<NodeSpec, 'name' | 'address'> & { readonly roles: readonly string[] }): string {
  return JSON.stringify([name, address, roles]);
}

function sameRoles(left: readonly string[], right: readonly string[]): boolean {
  return [...left].sort().join(' ') === [...right].sort().join(' ');
}

function flowNode({ name, address, roles, ssh }: NewNode): string {
  const login = Object.entries(ssh ?? {}).map(([key, value]) => `${key}: ${yamlScalar(value)}`);
  const fields = [`name: ${yamlScalar(name)}`, `address: ${yamlScalar(address)}`, `roles: ${flowList(roles)}`];
  return `{ ${[...fields, ...(login.length === 0 ? [] : [`ssh: { ${login.join(', ')} }`])].join(', ')} }`;
}

function flowList(values: readonly string[]): string {
  return `[${values.map(yamlScalar).join(', ')}]`;
}

function columnOfDash(text: string, start: number): number {
  const dash = text.lastIndexOf('-', start);
  return dash - lineStart(text, dash);
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function trimmedEnd(text: string, end: number): number {
  let at = end;
  while (at > 0 && /\s/.test(text.charAt(at - 1))) at -= 1;
  return at;
}

function insertLine(text: string, at: number, line: string): string {
  return `${text.slice(0, at)}\n${line}${text.slice(at)}`;
}

function refused(file: string, reason: string): CaissonError {
  return new CaissonError('INPUT_INVALID', `Cannot edit "${file}": ${reason}`, {
    hint: 'Edit it by hand, then run: caisson install --offline',
  });
}
