import { createPrivateKey, createPublicKey } from 'node:crypto';
import { scopeFor, type Placement, type Topology } from '../../cluster/index.ts';
import { digestOf } from '../../core/index.ts';
import { readRemoteFile, type Host } from '../../host/index.ts';
import { renderTemplate } from '../../manifests/index.ts';
import { digestOfAll } from '../../resources/index.ts';
import type { FoundHost, OwnedResource } from '../../site/index.ts';

export interface ReadBackRequest {
  readonly topology: Topology;
  readonly found: readonly FoundHost[];
  readonly hosts: ReadonlyMap<string, Host>;
  /** Names of the secrets that are known already. */
  readonly known: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/** A text that was read back from a file on a host. */
export interface ReadBackText {
  readonly text: string;
  /** HOST: PATH */
  readonly from: string;
}

export interface ReadBackPair extends ReadBackText {
  /** The public half, PEM. */
  readonly open: string;
}

export interface ReadBack {
  readonly secrets: ReadonlyMap<string, ReadBackText>;
  readonly pairs: ReadonlyMap<string, ReadBackPair>;
  /** Secrets of components that are installed, and that no file on a host has, with these components. */
  readonly lostSecrets: ReadonlyMap<string, readonly string[]>;
  /** Key pairs of the same sort. */
  readonly lostPairs: ReadonlyMap<string, readonly string[]>;
}

/**
 * Reads secrets and key pairs of a site back from the files on its hosts that Caisson made with them. A file counts only when it
 * is still as its host's list says that it was written, and a secret only when every such file has the same.
 */
export async function readBack(request: ReadBackRequest): Promise<ReadBack> {
  const secrets = new Map<string, ReadBackText>();
  const pairs = new Map<string, ReadBackPair>();
  const lostSecrets = new Map<string, string[]>();
  const lostPairs = new Map<string, string[]>();
  const disputed = new Set<string>();
  const installed = request.topology.placements.filter((placement) => ownedOf(request, placement).length > 0);
  for (const placement of installed) {
    for (const [name, one] of await secretsOn(request, placement)) {
      if (secrets.has(name) && secrets.get(name)?.text !== one.text) disputed.add(name);
      else secrets.set(name, secrets.get(name) ?? one);
    }
    for (const { name, ...paths } of placement.component.keyPairs) {
      const pair = pairs.has(name) ? undefined : await pairOn(request, placement, paths);
      if (pair !== undefined) pairs.set(name, pair);
    }
  }
  for (const name of disputed) secrets.delete(name);
  for (const { component } of installed) {
    for (const { name } of component.secrets)
      if (!request.known.has(name) && !secrets.has(name)) lostSecrets.set(name, withOne(lostSecrets.get(name), component.name));
    for (const { name } of component.keyPairs) if (!pairs.has(name)) lostPairs.set(name, withOne(lostPairs.get(name), component.name));
  }
  return { secrets, pairs, lostSecrets, lostPairs };
}

function withOne(list: readonly string[] = [], one: string): string[] {
  return list.includes(one) ? [...list] : [...list, one];
}

function ownedOf({ found }: ReadBackRequest, { component, host }: Placement): readonly OwnedResource[] {
  const owned = found.find(({ name }) => name === host.name)?.record?.owned ?? [];
  return owned.filter(({ owner }) => owner === component.name);
}

/** Secrets in the files of one component on one host, by name: its own, and those of other components that it uses. */
async function secretsOn(request: ReadBackRequest, placement: Placement): Promise<ReadonlyMap<string, ReadBackText>> {
  const { topology, known } = request;
  const { component, host } = placement;
  const wanted = generatedSecrets(topology).filter(({ name }) => !known.has(name));
  const read = new Map<string, ReadBackText>();
  for (const { path: template, template: file, mode, owner } of component.files) {
    const text = component.templateText(file);
    const inside = wanted.filter(({ name }) => text.includes(`\${secret.${name}}`));
    if (inside.length === 0) continue;
    const path = renderTemplate(template, scopeFor(topology, host, { component: component.name }), component.name);
    const content = await writtenText(request, placement, path, { mode: Number.parseInt(mode, 8), owner });
    if (content === undefined) continue;
    for (const { name, length } of inside) {
      const value = secretIn(content, linesWith(topology, placement, file, name), length);
      if (value !== undefined) read.set(name, { text: value, from: `${host.name}: ${path}` });
    }
  }
  return read;
}

function generatedSecrets({ components }: Topology): Topology['components'][number]['secrets'] {
  return components.flatMap(({ secrets }) => secrets);
}

/** The text of a file of a component, when it is as the list of the host says that Caisson wrote it. */
async function writtenText(
  request: ReadBackRequest,
  placement: Placement,
  path: string,
  { mode, owner }: { readonly mode: number; readonly owner: string | undefined },
): Promise<string | undefined> {
  const resource = ownedOf(request, placement).find(({ kind, key }) => kind === 'file' && key === path);
  const host = request.hosts.get(placement.host.name);
  if (resource === undefined || host === undefined) return undefined;
  const content = await readRemoteFile(host, path, { signal: request.signal });
  if (content === undefined) return undefined;
  return digestOfAll([digestOf(content), mode, owner]) === resource.digest ? content : undefined;
}

/** Characters that stand for a secret, and for all other secrets, in a rendered line. No template has them. */
const SOUGHT = '\u0001';
const OTHER = '\u0002';

/** The lines of a rendered template with a secret in them. */
function linesWith(topology: Topology, { component, host }: Placement, file: string, name: string): readonly string[] {
  const others = [...generatedSecrets(topology), ...topology.options.secrets].map((one): [string, string] => [one.name, OTHER]);
  const scope = scopeFor(topology, host, { component: component.name, secrets: { ...Object.fromEntries(others), [name]: SOUGHT } });
  const rendered = renderTemplate(component.templateText(file), scope, `components/${component.name}/${file}`);
  return rendered.split('\n').filter((line) => line.includes(SOUGHT));
}

/** The secret in a text, when all lines that should have it have the same. */
function secretIn(content: string, lines: readonly string[], length: number): string | undefined {
  const values = lines.map((line) => {
    const [start = '', ...rest] = line.split(SOUGHT).map((part) => part.split(OTHER).map(escapeForPattern).join('.*'));
    const pattern = new RegExp(`^${start}([A-Za-z0-9]{${length}})${rest.join('\\1')}$`, 'm');
    return pattern.exec(content)?.[1];
  });
  return new Set(values).size === 1 ? values[0] : undefined;
}

function escapeForPattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

async function pairOn(
  request: ReadBackRequest,
  placement: Placement,
  paths: { readonly private: string; readonly public: string },
): Promise<ReadBackPair | undefined> {
  const { component, host } = placement;
  const scope = scopeFor(request.topology, host, { component: component.name });
  const [secret, open] = [paths.private, paths.public].map((path) => renderTemplate(path, scope, component.name));
  const machine = request.hosts.get(host.name);
  if (machine === undefined || secret === undefined || open === undefined) return undefined;
  const texts = await Promise.all([secret, open].map((path) => readRemoteFile(machine, path, { signal: request.signal })));
  const [text, openText] = texts;
  if (text === undefined || openText === undefined || !isPair(text, openText)) return undefined;
  return { text, open: openText, from: `${host.name}: ${secret}` };
}

function isPair(secret: string, open: string): boolean {
  try {
    const half = createPublicKey(createPrivateKey(secret)).export({ type: 'spki', format: 'der' });
    return half.equals(createPublicKey(open).export({ type: 'spki', format: 'der' }));
  } catch {
    return false;
  }
}
