import { type Host } from '../../src/host/index.ts';
import {
  knownKeysOf,
  openSshHost,
  type HostKeyTrust,
  type SshCredentials,
  type SshHostOptions,
  type SshTarget,
} from '../../src/ssh/index.ts';
import { makeKey, type KeyPair, type SshServer } from '../support/ssh-server.ts';

/** A new key and the options to log in with it. */
export function loginTo(): { readonly key: KeyPair; readonly options: { readonly credentials: SshCredentials } } {
  const key = makeKey();
  return { key, options: { credentials: { identities: [{ file: 'id_test', key: key.private }] } } };
}

/** Trust in exactly these keys. */
export function trusting(server: { readonly port: number }, keys: readonly KeyPair[]): HostKeyTrust {
  const text = keys.map((key) => `[127.0.0.1]:${server.port} ${key.public}\n`).join('');
  return { kind: 'known-hosts', file: 'known_hosts', keys: knownKeysOf(text, '127.0.0.1', server.port) };
}

export interface TestLogin extends Partial<Omit<SshTarget, 'port' | 'address'>>, Partial<Pick<SshHostOptions, 'sudoPassword' | 'signal'>> {}

/** Opens the host of a test server; trusts its keys unless told otherwise. */
export async function openTestHost(server: Pick<SshServer, 'port' | 'hostKeys'>, login: TestLogin = {}): Promise<Host> {
  const { sudoPassword, signal, ...target } = login;
  return openSshHost({
    target: {
      name: 'n1',
      address: '127.0.0.1',
      port: server.port,
      user: 'root',
      trust: trusting(server, server.hostKeys),
      credentials: { identities: [] },
      ...target,
    },
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
    ...(signal === undefined ? {} : { signal }),
  });
}
