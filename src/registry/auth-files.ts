import { join } from 'node:path';

export type LoginEnvironment = Readonly<Record<string, string | undefined>>;

/** Files that may hold logins, and the command that writes the one that a person would expect. */
export interface AuthFiles {
  /** In the order in which they are looked at; the first that has a login for a registry counts. */
  readonly files: readonly string[];
  /** The variable that names the only file. That file must exist when the variable is REGISTRY_AUTH_FILE. */
  readonly variable?: 'REGISTRY_AUTH_FILE' | 'DOCKER_CONFIG';
  /** The one of the session, in a directory that may be another user's. */
  readonly session?: string | undefined;
  /** The command for a login, without the registry. */
  readonly command: string;
}

/**
 * Files with logins in the order of podman and skopeo (containers-auth.json(5), skopeo-login(1)): the file that REGISTRY_AUTH_FILE
 * names alone, else config.json below DOCKER_CONFIG alone, else podman's file of the session and of the user, and then docker's.
 * `userId` is the number of the user, for the directory of the session where XDG_RUNTIME_DIR is not set.
 */
export function authFilesOf(env: LoginEnvironment, userId: number): AuthFiles {
  const { REGISTRY_AUTH_FILE: named, DOCKER_CONFIG: docker, XDG_RUNTIME_DIR: session, XDG_CONFIG_HOME: config, HOME: home } = env;
  if (isSet(named)) return { files: [named], variable: 'REGISTRY_AUTH_FILE', command: `podman login --authfile ${named}` };
  const command = 'docker login';
  if (isSet(docker)) return { files: [join(docker, 'config.json')], variable: 'DOCKER_CONFIG', command };
  const below = (directory: string | undefined, ...path: readonly string[]): readonly string[] =>
    isSet(directory) ? [join(directory, ...path)] : [];
  const ofSession = isSet(session) ? below(session, 'containers/auth.json') : isSet(home) ? [`/run/containers/${userId}/auth.json`] : [];
  return {
    session: ofSession[0],
    files: [
      ...ofSession,
      ...(isSet(config) ? below(config, 'containers/auth.json') : below(home, '.config/containers/auth.json')),
      ...below(home, '.docker/config.json'),
    ],
    command,
  };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
