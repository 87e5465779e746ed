import { join } from 'node:path';
import { USUAL_IDENTITIES } from './identities.ts';
import { locateFile, type LoginPlaces, type SshLogin } from './ssh-login.ts';

/** A file that a login reads. */
export interface LoginFile {
  readonly path: string;
  /** True for a file that cluster.yaml names; other files may be missing. */
  readonly isNamed: boolean;
}

/** Lists the files that the ssh section of cluster.yaml makes logins read, without those of the machine's ssh configuration. */
export function loginFiles(ssh: SshLogin, places: LoginPlaces & { readonly home: string }): readonly LoginFile[] {
  const inHome = (name: string): string => join(places.home, '.ssh', name);
  const named = [ssh.passphraseFile, ssh.passwordFile, ssh.sudoPasswordFile, typeof ssh.config === 'string' ? ssh.config : undefined];
  const identities: readonly LoginFile[] =
    ssh.identityFile === undefined
      ? USUAL_IDENTITIES.map((name) => ({ path: inHome(name), isNamed: false }))
      : [{ path: locateFile(ssh.identityFile, places), isNamed: true }];
  return [
    ...named.flatMap((path) => (path === undefined ? [] : [{ path: locateFile(path, places), isNamed: true }])),
    ...(ssh.config === true ? [{ path: inHome('config'), isNamed: false }] : []),
    ...identities,
    ...identities.map(({ path }) => ({ path: `${path}-cert.pub`, isNamed: false })),
    ssh.knownHosts === undefined
      ? { path: inHome('known_hosts'), isNamed: false }
      : { path: locateFile(ssh.knownHosts, places), isNamed: true },
  ];
}
