import type { AnyAuthMethod } from 'ssh2';

/** A private key as text, with the name of its file for messages. */
export interface SshIdentity {
  readonly file: string;
  readonly key: string;
  readonly passphrase?: string;
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
    ...identities.map(({ key, passphrase }): AnyAuthMethod => ({
      type: 'publickey',
      username,
      key,
      ...(passphrase === undefined ? {} : { passphrase }),
    })),
    ...(agentSocket === undefined ? [] : [{ type: 'agent', username, agent: agentSocket } satisfies AnyAuthMethod]),
    ...(password === undefined ? [] : passwordMethods(username, password)),
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
    ...identities.map(({ file }) => `the key "${file}"`),
    ...(agentSocket === undefined ? [] : ['the keys of the agent']),
    ...(password === undefined ? [] : ['the password']),
  ].join(', ');
}
