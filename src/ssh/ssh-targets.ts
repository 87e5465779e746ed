import { CaissonError, systemClock } from '../core/index.ts';
import { readPasswordFile } from '../io/index.ts';
import { isCertified, scanHostCertificates } from './host-certificate.ts';
import { readIdentities, readOptional } from './identities.ts';
import { parseJump } from './jump.ts';
import { knownKeysOf } from './known-hosts.ts';
import { readSshConfig, type SshConfigEntry } from './ssh-config.ts';
import type { HostKeyTrust, SshTarget } from './ssh-connection.ts';
import type { SshCredentials } from './ssh-credentials.ts';
import { locateFile, type ConnectOptions, type HostToConnect, type SshLogin } from './ssh-login.ts';

/** Most jump hosts in a row. A longer chain is a configuration that leads back to itself. */
const MAX_JUMPS = 8;

const NOTHING: SshConfigEntry = {
  identityFiles: [],
  identitiesOnly: false,
  certificateFiles: [],
  knownHosts: [],
  globalKnownHosts: [],
};

/**
 * Returns address, credentials and trust for the login to a node. Settings come from cluster.yaml, else from the ssh
 * configuration for the name of the node, else from that for its address, else from defaults. Throws for files that
 * cannot be used, and HOST_UNREACHABLE for a ProxyCommand, for a malformed jump host and for too many of them.
 */
export async function targetOf(node: HostToConnect, ssh: SshLogin, options: ConnectOptions): Promise<SshTarget> {
  const entry = merged(await lookUp(node.name, ssh, options), await lookUp(node.address, ssh, options));
  const jumps = node.ssh?.jump ?? ssh.jump ?? entry.jumps;
  if (jumps === undefined && entry.proxyCommand !== undefined) {
    const reason = `the ssh configuration reaches it by ProxyCommand "${entry.proxyCommand}", which is not run`;
    throw new CaissonError('HOST_UNREACHABLE', `Cannot connect to "${node.name}": ${reason}`, {
      hint: 'Write ProxyJump in its place, or set ssh.jump in cluster.yaml',
    });
  }
  const route = typeof jumps === 'string' ? [jumps] : (jumps ?? []);
  const address = entry.hostName ?? node.address;
  const port = node.ssh?.port ?? ssh.port ?? entry.port ?? 22;
  const fingerprint = node.ssh?.hostKey;
  return {
    name: node.name,
    address,
    port,
    user: node.ssh?.user ?? ssh.user ?? entry.user ?? 'root',
    trust:
      fingerprint === undefined
        ? await trustFor(address, port, entry, ssh, options, route.length === 0)
        : { kind: 'fingerprint', fingerprint },
    credentials: await nodeCredentials(node, ssh, entry, options),
    jumps: await jumpTargets(route, ssh, options),
  };
}

async function lookUp(name: string, { config }: SshLogin, options: ConnectOptions): Promise<SshConfigEntry> {
  if (config === undefined || config === false) return NOTHING;
  return readSshConfig(name, { file: config === true ? undefined : locateFile(config, options), home: options.home });
}

function merged(first: SshConfigEntry, second: SshConfigEntry): SshConfigEntry {
  const said = Object.fromEntries(Object.entries(first).filter(([, value]) => value !== undefined && !isEmptyList(value)));
  return { ...second, ...said, identitiesOnly: first.identitiesOnly || second.identitiesOnly, jumps: first.jumps ?? second.jumps };
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Returns the jump hosts in order. The first may have jump hosts of its own, from the ssh configuration. */
async function jumpTargets(jumps: readonly string[], ssh: SshLogin, options: ConnectOptions): Promise<readonly SshTarget[]> {
  const route = [...jumps];
  const targets: SshTarget[] = [];
  let before = await firstHop(route[0], ssh, options);
  while (before.length > 0) {
    route.unshift(...before);
    if (route.length > MAX_JUMPS) break;
    before = await firstHop(route[0], ssh, options);
  }
  if (route.length > MAX_JUMPS) {
    throw new CaissonError('HOST_UNREACHABLE', `Cannot go through ${route.length} jump hosts in a row: ${route.join(', ')}`, {
      hint: `Name at most ${MAX_JUMPS} in ssh.jump, and look for a ProxyJump in the ssh configuration that leads back to itself`,
    });
  }
  for (const [index, text] of route.entries()) targets.push(await jumpTarget(text, ssh, options, index === 0));
  return targets;
}

async function firstHop(text: string | undefined, ssh: SshLogin, options: ConnectOptions): Promise<readonly string[]> {
  if (text === undefined) return [];
  return (await lookUp(jumpAddress(text).host, ssh, options)).jumps ?? [];
}

async function jumpTarget(text: string, ssh: SshLogin, options: ConnectOptions, direct: boolean): Promise<SshTarget> {
  const jump = jumpAddress(text);
  const entry = await lookUp(jump.host, ssh, options);
  const address = entry.hostName ?? jump.host;
  const port = jump.port ?? entry.port ?? 22;
  return {
    name: text,
    address,
    port,
    user: jump.user ?? entry.user ?? ssh.user ?? 'root',
    trust: await trustFor(address, port, entry, ssh, options, direct),
    // The password belongs to the nodes, so a jump host does not get it.
    credentials: await credentialsFor({ ...ssh, passwordFile: undefined }, entry, options),
  };
}

function jumpAddress(text: string): NonNullable<ReturnType<typeof parseJump>> {
  const jump = parseJump(text);
  if (jump !== undefined) return jump;
  throw new CaissonError('HOST_UNREACHABLE', `Cannot go through the jump host "${text}": it is not written as user@host:port`);
}

/**
 * Returns the trusted keys. This machine asks the host for its certificates directly, so a host behind a jump host
 * (`direct` is false) has none.
 */
async function trustFor(
  address: string,
  port: number,
  { hostKeyAlias, knownHosts, globalKnownHosts }: SshConfigEntry,
  ssh: SshLogin,
  options: ConnectOptions,
  direct: boolean,
): Promise<HostKeyTrust> {
  const usual = locateFile('~/.ssh/known_hosts', options);
  const files =
    ssh.knownHosts === undefined
      ? [...(knownHosts.length > 0 ? knownHosts : [usual]), ...globalKnownHosts]
      : [locateFile(ssh.knownHosts, options)];
  const texts = await Promise.all(files.map(async (file) => (await readOptional(file)) ?? ''));
  // An alias replaces both host and port (ssh_config(5), HostKeyAlias).
  const keys = hostKeyAlias === undefined ? knownKeysOf(texts.join('\n'), address, port) : knownKeysOf(texts.join('\n'), hostKeyAlias, 22);
  const { authorities } = keys;
  const askAuthorities = async (key: Buffer, signal: AbortSignal | undefined): Promise<boolean> => {
    const certificates = await scanHostCertificates(address, port, signal);
    const wanted = { key, host: hostKeyAlias ?? address, authorities, now: systemClock.now() };
    return certificates.some((certificate) => isCertified(certificate, wanted));
  };
  return {
    kind: 'known-hosts',
    file: files[0] ?? usual,
    keys,
    ...(authorities.length > 0 && direct ? { isCertified: askAuthorities } : {}),
  };
}

async function nodeCredentials(
  node: HostToConnect,
  ssh: SshLogin,
  entry: SshConfigEntry,
  options: ConnectOptions,
): Promise<SshCredentials> {
  const first = options.firstLogins?.get(node.name);
  if (first === undefined) return credentialsFor({ ...ssh, identityFile: node.ssh?.identityFile ?? ssh.identityFile }, entry, options);
  const { identity, password } = first;
  return { identities: identity === undefined ? [] : [identity], ...(password === undefined ? {} : { password }) };
}

async function credentialsFor(ssh: SshLogin, entry: SshConfigEntry, options: ConnectOptions): Promise<SshCredentials> {
  const password = ssh.passwordFile === undefined ? undefined : await readPasswordFile(locateFile(ssh.passwordFile, options));
  const identities = await readIdentities(ssh, entry, options);
  const agentSocket = ssh.agent ? agentOf(entry, options) : undefined;
  // With IdentitiesOnly, the agent is asked only when no key can be read here.
  const asksAgent = agentSocket !== undefined && !(entry.identitiesOnly && identities.length > 0);
  return { identities, ...(asksAgent ? { agentSocket } : {}), ...(password === undefined ? {} : { password }) };
}

function agentOf({ identityAgent }: SshConfigEntry, { agentSocket }: ConnectOptions): string | undefined {
  if (identityAgent === 'none') return undefined;
  const socket = identityAgent === undefined || identityAgent === 'SSH_AUTH_SOCK' ? agentSocket : identityAgent;
  return socket === '' ? undefined : socket;
}
