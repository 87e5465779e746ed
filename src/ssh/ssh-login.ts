import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { JumpHosts } from './jump.ts';
import type { SshIdentity } from './ssh-credentials.ts';

/**
 * Settings for logins, as cluster.yaml has them. Paths may begin with ~/ or be relative to the directory of
 * cluster.yaml. Missing settings come from the ssh configuration when `config` allows it, otherwise from defaults.
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
  /** Jump hosts, the nearest first; an empty list for a direct connection. */
  readonly jump?: string | readonly string[] | undefined;
  /** True to read the ssh configuration of the user and the machine; a text to read that file instead. */
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
        readonly identityFile?: string | undefined;
        readonly jump?: string | readonly string[] | undefined;
      }
    | undefined;
}

/**
 * Credentials that log in to a host once, before the key of the site may: a password, or a key of the operator. They are in no
 * file of the site.
 */
export interface FirstLogin {
  readonly password?: string;
  readonly identity?: SshIdentity;
}

export interface LoginPlaces {
  /** Home directory of the user, for ~/; by default that of the user of this process. */
  readonly home?: string | undefined;
  /** Directory of cluster.yaml, for relative paths. */
  readonly directory: string;
}

export interface ConnectOptions extends LoginPlaces {
  readonly home: string;
  /** Value of the environment variable SSH_AUTH_SOCK. */
  readonly agentSocket?: string | undefined;
  readonly signal?: AbortSignal;
  /** Logins in place of those that cluster.yaml gives, by name of the node. */
  readonly firstLogins?: ReadonlyMap<string, FirstLogin> | undefined;
  /** Shared by the connections of many hosts, so that hosts behind one jump host use one connection to it. */
  readonly jumpHosts?: JumpHosts | undefined;
}

/** Returns the absolute path of a file that cluster.yaml names. */
export function locateFile(path: string, { home = homedir(), directory }: LoginPlaces): string {
  if (path === '~') return home;
  if (path.startsWith('~/')) return join(home, path.slice(2));
  return isAbsolute(path) ? path : resolve(directory, path);
}
