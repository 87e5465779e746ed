import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { JumpHosts } from './jump.ts';

/**
 * How to log in, as cluster.yaml says it. Paths may begin with ~/ or be relative to the directory of cluster.yaml. What is
 * left out comes from the ssh configuration, where `config` says so, or from a default.
 */
export interface SshLogin {
  /** `root` by default. */
  readonly user?: string | undefined;
  /** 22 by default. */
  readonly port?: number | undefined;
  readonly identityFile?: string | undefined;
  readonly passphraseFile?: string | undefined;
  readonly agent: boolean;
  readonly passwordFile?: string | undefined;
  readonly sudoPasswordFile?: string | undefined;
  /** `~/.ssh/known_hosts` by default. */
  readonly knownHosts?: string | undefined;
  /** Hosts to go through, the nearest first; none for an empty list. */
  readonly jump?: string | readonly string[] | undefined;
  /** Read the ssh configuration of the user and the machine, or one file. */
  readonly config?: boolean | string | undefined;
}

export interface HostToConnect {
  readonly name: string;
  readonly address: string;
  readonly ssh?:
    | {
        readonly user?: string | undefined;
        readonly port?: number | undefined;
        readonly hostKey?: string | undefined;
        readonly jump?: string | readonly string[] | undefined;
      }
    | undefined;
}

export interface LoginPlaces {
  /** Home directory of the user, for ~/; that of this process by default. */
  readonly home?: string | undefined;
  /** Directory of cluster.yaml, for relative paths. */
  readonly directory: string;
}

export interface ConnectOptions extends LoginPlaces {
  readonly home: string;
  /** Value of SSH_AUTH_SOCK. */
  readonly agentSocket?: string | undefined;
  readonly signal?: AbortSignal;
  /** Given to the connections of many hosts, it has those behind the same jump host share one connection to it. */
  readonly jumpHosts?: JumpHosts | undefined;
}

/** The absolute path of a file that cluster.yaml names. */
export function locateFile(path: string, { home = homedir(), directory }: LoginPlaces): string {
  if (path === '~') return home;
  if (path.startsWith('~/')) return join(home, path.slice(2));
  return isAbsolute(path) ? path : resolve(directory, path);
}
