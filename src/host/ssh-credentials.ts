import type { AnyAuthMethod } from 'ssh2';
import { CertificateAgent } from './user-certificate.ts';

/** A private key as text, with the name of its file for messages. */
export interface SshIdentity {
  readonly file: string;
  readonly key: string;
  readonly passphrase?: string;
  /** Certificates of the key, which are offered before the key itself. */
  readonly certificates?: readonly { readonly file: string; readonly blob: Buffer }[];
}

/** What to log in with; every given way is tried, in this order. */
export interface SshCredentials {
  readonly identities: readonly SshIdentity[];
  /** Path of the agent's socket. */
  readonly agentSocket?: string;
  readonly password?: string;
}

/** The ways to log in, in ssh2's words. */
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

/** What was tried, for people: never the secrets. */
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
