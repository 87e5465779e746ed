import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { CaissonError } from '../core/index.ts';
import { readPasswordFile } from '../io/index.ts';
import { type Host, openLocalHost } from '../host/index.ts';
import { openSshHost } from './ssh-host.ts';
import { locateFile, type ConnectOptions, type HostToConnect, type SshLogin } from './ssh-login.ts';
import { targetOf } from './ssh-targets.ts';

/**
 * Connects to a declared host: without SSH when its address belongs to this machine, otherwise over SSH with a check of
 * the host key. Throws what openSshHost throws, INPUT_UNREADABLE and HOST_SECRET_EXPOSED for files that ssh names, and
 * HOST_NOT_ROOT when this machine is a node but the process is not root.
 */
export async function connectHost(node: HostToConnect, ssh: SshLogin, options: ConnectOptions): Promise<Host> {
  if (isOwnAddress(node.address)) return connectLocally(node);
  const { signal, jumpHosts } = options;
  const sudoPassword = ssh.sudoPasswordFile === undefined ? undefined : await readPasswordFile(locateFile(ssh.sudoPasswordFile, options));
  return openSshHost({
    target: await targetOf(node, ssh, options),
    jumpHosts,
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** True for loopback addresses and for every address of this machine's interfaces. */
export function isOwnAddress(address: string): boolean {
  const wanted = ipaddr.process(address);
  if (wanted.range() === 'loopback') return true;
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  // Link-local addresses end in % and a zone, which is not part of the address.
  return own.some((entry) => ipaddr.process(entry.address.split('%')[0] ?? '').toString() === wanted.toString());
}

function connectLocally(node: HostToConnect): Host {
  if (process.getuid?.() !== 0) {
    throw new CaissonError('HOST_NOT_ROOT', `Cannot work on "${node.name}": it is this machine, and this process is not root`, {
      hint: 'Run the same command with sudo',
    });
  }
  return openLocalHost(node);
}
