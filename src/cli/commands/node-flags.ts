import type { Command } from 'commander';
import type { NewNode } from '../../cluster/index.ts';
import { CaissonError } from '../../core/index.ts';
import { collect } from '../collect.ts';

/** Flags that say how to log in to a node from then on, where that differs from the ssh section of cluster.yaml. */
export interface NodeSshFlags {
  readonly sshUser?: string;
  readonly sshPort?: string;
  readonly hostKey?: string;
}

export function addNodeSshFlags(command: Command): Command {
  return command
    .option('--ssh-user <user>', 'login on the node, where it differs from the ssh section')
    .option('--ssh-port <port>', 'port of sshd on the node, where it differs from the ssh section')
    .option('--host-key <fingerprint>', 'fingerprint of the host key of the node (SHA256:…), in place of an entry in known_hosts');
}

/** The ssh settings of a node as the flags have them; nothing without these flags. Throws USAGE for a port that is none. */
export function nodeSsh({ sshUser, sshPort, hostKey }: NodeSshFlags): Pick<NewNode, 'ssh'> {
  const ssh = {
    ...(sshUser === undefined ? {} : { user: sshUser }),
    ...(sshPort === undefined ? {} : { port: parsePort(sshPort) }),
    ...(hostKey === undefined ? {} : { hostKey }),
  };
  return Object.keys(ssh).length === 0 ? {} : { ssh };
}

/** Throws USAGE for a text that is no port. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new CaissonError('USAGE', `"${text}" is not a port`, { hint: 'Write a number from 1 to 65535' });
  }
  return port;
}

/** Collects the words of a flag that may be repeated and that takes several by commas. */
export function collectList(value: string, before: readonly string[] = []): readonly string[] {
  return value
    .split(',')
    .filter((part) => part !== '')
    .reduce<readonly string[]>((all, part) => collect(part, all), before);
}
