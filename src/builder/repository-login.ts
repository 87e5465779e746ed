import { join } from 'node:path';
import { CaissonError } from '../core/index.ts';
import { ifPresent, readSecretFile } from '../io/index.ts';
import { FetchError, isLoopback } from '../net/index.ts';
import type { FindCredentials } from '../registry/index.ts';
import { loginOf, type Login } from './netrc.ts';

/** The Authorization headers for a request by origin; undefined: ask anonymously. Throws SECRET_EXPOSED and INPUT_UNREADABLE. */
export type FindAuthorization = (url: string) => Promise<ReadonlyMap<string, string> | undefined>;

export interface RepositoryLoginOptions {
  /** NETRC and HOME are looked up here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Docker's stored credentials. */
  readonly findCredentials: FindCredentials;
}

/**
 * Finds the login of package repositories: in the file that NETRC names, else in ~/.netrc, else among the credentials
 * that `docker login` stored. A login is sent to the server it is for, and to no server that a redirect leads to. Docker's
 * are sent encrypted only, or to this machine.
 */
export function repositoryLogins({ env, findCredentials }: RepositoryLoginOptions): FindAuthorization {
  return async (url) => {
    const address = new URL(url);
    const login = (await netrcLogin(env, address)) ?? (await dockerLogin(findCredentials, address));
    if (login === undefined) return undefined;
    const token = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    return new Map([[address.origin, `Basic ${token}`]]);
  };
}

/** Runs a request with the login of its address. A refusal says how a login is given, or that this one was refused. */
export async function withLogin<T>(
  url: string,
  find: FindAuthorization,
  ask: (authorization: { readonly authorization?: ReadonlyMap<string, string> }) => Promise<T>,
): Promise<T> {
  const authorization = await find(url);
  try {
    return await ask(authorization === undefined ? {} : { authorization });
  } catch (error) {
    if (error instanceof FetchError && (error.status === 401 || error.status === 403)) throw error.withHint(hintFor(url, authorization));
    throw error;
  }
}

function hintFor(url: string, authorization: ReadonlyMap<string, string> | undefined): string {
  const { protocol, host } = new URL(url);
  if (authorization !== undefined) return `The login for "${host}" was sent and refused: correct it where it is kept`;
  const machine = protocol === 'https:' ? host : `http://${host}`;
  return `If "${host}" asks for a login, write a line into the file that NETRC names, or into ~/.netrc, with mode 600: machine ${machine} login NAME password WORD`;
}

async function netrcLogin(env: RepositoryLoginOptions['env'], address: URL): Promise<Login | undefined> {
  const { NETRC: named, HOME: home } = env;
  const isNamed = named !== undefined && named !== '';
  if (!isNamed && home === undefined) return undefined;
  const file = isNamed ? named : join(home ?? '', '.netrc');
  // The mode counts only where the file has a login that would be sent.
  const read = (): Promise<string> => readSecretFile(file, { isSecret: (text) => loginOf(text, address) !== undefined });
  const text = isNamed ? await read() : await ifPresent(read);
  return text === undefined ? undefined : loginOf(text, address);
}

async function dockerLogin(find: FindCredentials, address: URL): Promise<Login | undefined> {
  if (address.protocol !== 'https:' && !isLoopback(address.hostname)) return undefined;
  const found = await find(`${address.host}${address.pathname.replace(/\/+$/, '')}`);
  if (found === undefined) return undefined;
  if (found.type === 'password') return { username: found.username, password: found.password };
  throw new CaissonError(
    'AUTH_FAILED',
    `Cannot use the login for "${address.host}": docker stored an identity token, which package repositories do not take`,
    {
      hint: `Write the login into the file that NETRC names, or into ~/.netrc, with mode 600: machine ${address.host} login NAME password WORD`,
    },
  );
}
