import type { AnyAuthMethod } from 'ssh2';
import { CertificateAgent } from './user-certificate.ts';

/** A private key as text, with the path of its file for messages. */
export interface SshIdentity {
  readonly file: string;
  readonly key: string;
  readonly passphrase?: string;
  /** Certificates of the key. They are offered before the key itself. */
  readonly certificates?: readonly { readonly file: string; readonly blob: Buffer }[];
}

/** Credentials for a login. Each one that is given is tried, in this order. */
export interface SshCredentials {
  readonly identities: readonly SshIdentity[];
  /** Path of the socket of ssh-agent. */
  readonly agentSocket?: string;
  readonly password?: string;
}

/** Returns the ways to log in, as ssh2 takes them. */
export function methodsFor(username: string, credentials: SshCredentials): AnyAuthMethod[] {
  const { identities, agentSocket, password } = credentials;
  return [
    ...identities.flatMap((identity) => keyMethods(username, identity)),
    ...(agentSocket === undefined ? [] : [{ type: 'agent', username, agent: agentSocket } satisfies AnyAuthMethod]),
    ...(password === undefined ? [] : passwordMethods(username, password)),
  ];
}

function keyMethods(username: string, identity: SshIdentity): AnyAuthMethod[] {
  const { key, passphrase, certificates = [] } = identity;
  return [
    ...certificates.map(({ blob }): AnyAuthMethod => ({ type: 'agent', username, agent: new CertificateAgent(identity, blob) })),
    { type: 'publickey', username, key, ...(passphrase === undefined ? {} : { passphrase }) },
  ];
}

/** Some hosts ask for the password only through keyboard-interactive (PAM). */
function passwordMethods(username: string, password: string): AnyAuthMethod[] {
  return [
    { type: 'password', username, password },
    {
      type: 'keyboard-interactive',
      username,
      prompt: (_name, _instructions, _language, prompts, finish) => {
        finish(prompts.map(() => password));
      },
    },
  ];
}

/** Lists the credentials that were tried, for messages. Contains no secrets. */
export function describeMethods({ identities, agentSocket, password }: SshCredentials): string {
  return [
    ...identities.flatMap(({ file, certificates = [] }) => [
      ...certificates.map((certificate) => `the certificate "${certificate.file}"`),
      `the key "${file}"`,
    ]),
    ...(agentSocket === undefined ? [] : ['the keys of the agent']),
    ...(password === undefined ? [] : ['the password']),
  ].join(', ');
}
