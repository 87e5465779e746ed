import { errnoOf, messageOf } from '../core/index.ts';

/** The reason why no SSH connection was made, in words, and what to do about it. */
export interface ConnectFailure {
  readonly reason: string;
  readonly hint: string;
}

export interface FailedConnect {
  readonly address: string;
  readonly port: number;
  readonly error: unknown;
  /** True when the TCP connection was accepted, by any server. */
  readonly connected: boolean;
  readonly timeoutMs: number;
  /** Name of the jump host in front of it; undefined for a direct connection. */
  readonly jump?: string | undefined;
}

type Kind = 'silent' | 'refused' | 'unreachable' | 'unnamed' | 'forbidden' | 'not-ssh' | 'other';

const BY_ERRNO: Readonly<Record<string, Kind>> = {
  ETIMEDOUT: 'silent',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENOTFOUND: 'unnamed',
  EAI_AGAIN: 'unnamed',
};

/** Messages of sshd on a jump host for a connection that it could not make, from strerror(3) and gai_strerror(3). */
const BY_WORDS: readonly (readonly [RegExp, Kind])[] = [
  [/^Timed out/, 'silent'],
  [/connection timed out/i, 'silent'],
  [/connection refused/i, 'refused'],
  [/no route to host|unreachable/i, 'unreachable'],
  [/not known|name resolution|no address associated/i, 'unnamed'],
  [/prohibited/i, 'forbidden'],
];

/** Messages of ssh2 for a server that has not identified itself as an SSH server. */
const MUTE = /^Timed out|closed the connection|before handshake|identification|banner|header|greeting/i;

/**
 * Explains a failed connection. Distinguishes a filtered port, a host that is down and one that refuses, as far as the
 * network allows.
 */
export function explainConnectFailure(failed: FailedConnect): ConnectFailure {
  const { address, port, error, timeoutMs, jump } = failed;
  const from = jump === undefined ? 'here' : `"${jump}"`;
  const seconds = Math.round(timeoutMs / 1000);
  switch (kindOf(failed)) {
    case 'silent':
      return {
        reason: `no answer within ${seconds} s: a filter may drop the port, or the host is down`,
        hint: `Look whether the host is up, and let port ${port} through from ${from}${jumpAdvice(jump)}`,
      };
    case 'refused':
      return {
        reason: `nothing listens on port ${port}: sshd is not running there`,
        hint: 'Start sshd on the host, or set ssh.port of the node in cluster.yaml to the port that it has',
      };
    case 'unreachable':
      return {
        reason: `the network says that it cannot be reached (${errnoOf(error) ?? 'no route to host'}): no route, a host that is down, or a filter that refuses`,
        hint: `Check the address in cluster.yaml, and the way to it from ${from}: ip route get ${address}${jumpAdvice(jump)}`,
      };
    case 'unnamed':
      return { reason: 'its name is not known', hint: `Write its address in cluster.yaml, or make the name known on ${from}` };
    case 'forbidden':
      return {
        reason: `"${jump ?? address}" does not pass connections on`,
        hint: 'Allow it in sshd_config of the jump host (AllowTcpForwarding, PermitOpen), or name another one in ssh.jump',
      };
    case 'not-ssh':
      return {
        reason: `port ${port} is open, but what listens there does not answer as an SSH server`,
        hint: 'Set ssh.port of the node in cluster.yaml to the port of sshd; where it is the right one, look at MaxStartups and at the log of sshd',
      };
    case 'other':
      return { reason: messageOf(error), hint: 'Check address and port of the node in cluster.yaml, and that sshd runs there' };
  }
}

function kindOf({ error, connected }: FailedConnect): Kind {
  const errno = errnoOf(error);
  const message = messageOf(error).replace(/^\(SSH\) Channel open failure: /, '');
  // A connection that no server accepts is refused, not reset.
  if (errno === 'ECONNRESET' || errno === 'EPIPE') return 'not-ssh';
  // Reason 1 (RFC 4254 section 5.1): the jump host prohibits the connection.
  if (reasonOf(error) === 1) return 'forbidden';
  if (connected) return MUTE.test(message) ? 'not-ssh' : 'other';
  return BY_ERRNO[errno ?? ''] ?? BY_WORDS.find(([words]) => words.test(message))?.[1] ?? 'other';
}

/** Returns the reason code for a channel that was not opened, which ssh2 adds to the error. */
function reasonOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'reason' in error ? error.reason : undefined;
}

function jumpAdvice(jump: string | undefined): string {
  return jump === undefined ? '; where only another host reaches it, name that one in ssh.jump' : '';
}
