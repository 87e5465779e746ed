import { dirname } from 'node:path';
import { parseClusterSpec, type NodeSpec } from '../cluster/index.ts';
import { CaissonError, messageOf } from '../core/index.ts';
import { type Host } from '../host/index.ts';
import { HostKeyUnknownError, isOwnAddress, locateFile, type FirstLogin } from '../ssh/index.ts';
import { loginKeyResource } from '../plan/index.ts';
import { makeResources, OWNERS, removeResources, siteToolsOf } from '../resources/index.ts';
import { loginKeyPaths, openSiteKeys, REAL_MACHINES, type SiteKeys } from '../site/index.ts';
import type { OperationOptions } from './operation.ts';
import { layoutOf } from './session.ts';

/** A key for logins needs neither a package manager nor a container engine. */
const NO_TOOLS = siteToolsOf({ containerEngine: false }).on(undefined);

/** A machine that does not know the key of the site yet, and what logs in there once. */
export interface NewMachine {
  readonly node: NodeSpec;
  readonly login: FirstLogin;
  /** Path and text of cluster.yaml, whose ssh section has the rest. */
  readonly cluster: { readonly path: string; readonly text: string };
}

/** A host key that neither known_hosts nor the operator has vouched for. */
export interface ShownKey {
  readonly fingerprint: string;
  /** Such as ssh-ed25519. */
  readonly keyType: string;
}

/**
 * Logs in to a new machine and changes nothing there. Returns the key that the machine shows when nothing says that it is
 * its own; no password was sent then. Throws what connectHost throws for all other reasons, and USAGE for this machine.
 */
export async function tryNewMachine(options: OperationOptions, machine: NewMachine): Promise<ShownKey | undefined> {
  try {
    await withNewMachine(options, machine, async () => {});
    return undefined;
  } catch (error) {
    // The key of a jump host on the way is not a key of the machine.
    if (!(error instanceof HostKeyUnknownError) || error.host !== machine.node.name) throw error;
    return { fingerprint: error.fingerprint, keyType: error.keyType };
  }
}

/** Puts the key of the site on a new machine, to which no session is open. Throws as tryNewMachine does. */
export async function placeOnNewMachine(options: OperationOptions, machine: NewMachine): Promise<void> {
  const { path, text } = machine.cluster;
  const { name } = parseClusterSpec(text, path);
  const keys = openSiteKeys(layoutOf(options), {
    name,
    clock: options.clock,
    resolvePath: (file) => locateFile(file, { home: options.connect.home, directory: dirname(path) }),
  });
  await withNewMachine(options, machine, (host) => placeLoginKey(host, machine.node, keys, options));
}

/**
 * Puts the public key of the site among those that log in to the node as its user, and makes the pair where there is none. The record
 * has the key with the next run, which finds it by its marks.
 */
export async function placeLoginKey(host: Host, { name, ssh }: NodeSpec, keys: SiteKeys, options: OperationOptions): Promise<void> {
  const resource = loginKeyResource(name, ssh?.user ?? 'root', (await keys.loginKey()).public);
  const { clock, emit, signal } = options;
  await makeResources(host, [{ resource, replaces: false }], { ...NO_TOOLS, clock, emit, signal });
}

/**
 * Takes the public key of the site from a machine that is in cluster.yaml with the login by that key, and on which nothing was
 * installed: no removal of a later run knows it. Throws HOSTS_UNFIT where the machine does not let the site in.
 */
export async function takeLoginKey(options: OperationOptions, node: NodeSpec, cluster: NewMachine['cluster']): Promise<void> {
  const { clock, emit, signal, connect, machines = REAL_MACHINES } = options;
  const { ssh } = parseClusterSpec(cluster.text, cluster.path);
  const host = await machines.connect(node, ssh, { ...connect, directory: dirname(cluster.path), signal }).catch((cause: unknown) => {
    throw new CaissonError('HOSTS_UNFIT', `Cannot take the key of the site from "${node.name}": ${messageOf(cause)}`, {
      cause,
      hint: `Bring it up; where it is lost for good: caisson node remove ${node.name} --forget ${node.name}`,
    });
  });
  try {
    const owned = { kind: 'login-key', key: node.ssh?.user ?? ssh.user ?? 'root', owner: OWNERS.login } as const;
    await removeResources(host, [owned], { ...NO_TOOLS, clock, emit, signal }, { purge: false });
  } finally {
    await host.close();
  }
}

/** True for a node that is logged in to by the key of the site. */
export function hasSiteLogin(options: OperationOptions, { ssh }: NodeSpec): boolean {
  return ssh?.identityFile === loginKeyPaths(layoutOf(options)).private;
}

/** The login that cluster.yaml gets for a machine that has the key of the site. */
export function siteLogin(options: OperationOptions, user: string | undefined) {
  return { user: user ?? 'root', identityFile: loginKeyPaths(layoutOf(options)).private };
}

/** Options of a session that logs in to the node by the given credentials, and to all others as cluster.yaml says. */
export function withFirstLogin(options: OperationOptions, { node, login }: Pick<NewMachine, 'node' | 'login'>): OperationOptions {
  return { ...options, connect: { ...options.connect, firstLogins: new Map([[node.name, login]]) } };
}

async function withNewMachine(
  options: OperationOptions,
  { node, login, cluster }: NewMachine,
  work: (host: Host) => Promise<void>,
): Promise<void> {
  const machines = options.machines ?? REAL_MACHINES;
  if ((machines.isOwnAddress ?? isOwnAddress)(node.address)) {
    throw new CaissonError(
      'USAGE',
      `Cannot log in to "${node.name}": ${node.address} is an address of this machine, which needs no login`,
      {
        hint: 'Leave the password and the key out',
      },
    );
  }
  const { ssh } = parseClusterSpec(cluster.text, cluster.path);
  const { connect } = withFirstLogin(options, { node, login });
  const host = await machines.connect(node, ssh, { ...connect, directory: dirname(cluster.path), signal: options.signal });
  try {
    await work(host);
  } finally {
    await host.close();
  }
}
