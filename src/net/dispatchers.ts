import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import { CaissonError } from '../core/index.ts';
import { isLoopback } from './loopback.ts';
import { parseNoProxy } from './no-proxy.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The connections to use for a URL. */
export interface Route {
  readonly dispatcher: Dispatcher;
  /** The proxy between, as messages show it: never with its password. */
  readonly proxy: string | undefined;
}

export interface Dispatchers {
  for(url: URL): Route;
  close(): Promise<void>;
}

export interface DispatcherOptions {
  readonly env: Environment;
  readonly connectTimeoutMs: number;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly ca: readonly string[];
  /** Certificates with their keys (PEM) by host, with its port if the address has one. Shown to that host alone. */
  readonly clientCertificates: ReadonlyMap<string, string>;
}

/**
 * Connection pools that follow HTTP_PROXY, HTTPS_PROXY and NO_PROXY (either case) of the given environment; this machine is
 * never asked through a proxy. Throws USAGE for a proxy that is no http or https address.
 */
export function createDispatchers({ env, connectTimeoutMs, ca, clientCertificates }: DispatcherOptions): Dispatchers {
  const trust = ca.length === 0 ? {} : { ca: [...usualAuthorities(env), ...ca] };
  const connect = { timeout: connectTimeoutMs, ...trust };
  const direct: Route = { dispatcher: new Agent({ connect }), proxy: undefined };
  const throughProxy = (name: string, own: { readonly cert?: string; readonly key?: string } = {}): Route | undefined => {
    const address = proxyAddress(env, name);
    if (address === undefined) return undefined;
    const { origin, token } = address;
    const dispatcher = new ProxyAgent({
      uri: origin,
      ...(token === undefined ? {} : { token }),
      // Only https is tunnelled: most proxies refuse CONNECT to port 80.
      proxyTunnel: false,
      connect,
      proxyTls: connect,
      ...(ca.length === 0 && own.cert === undefined ? {} : { requestTls: { ...trust, ...own } }),
    });
    return { dispatcher, proxy: origin };
  };
  const proxies: Readonly<Record<string, Route | undefined>> = {
    'http:': throughProxy('HTTP_PROXY'),
    'https:': throughProxy('HTTPS_PROXY'),
  };
  // Connections of a host with a certificate of its own are not shared with other hosts.
  const certified = new Map(
    [...clientCertificates].map(([host, pem]) => {
      const own = { cert: pem, key: pem };
      const straight: Route = { dispatcher: new Agent({ connect: { ...connect, ...own } }), proxy: undefined };
      return [host, { direct: straight, proxy: throughProxy('HTTPS_PROXY', own) }] as const;
    }),
  );
  const bypasses = parseNoProxy(variable(env, 'NO_PROXY'));
  return {
    for: (url) => {
      const own = url.protocol === 'https:' ? certified.get(url.host) : undefined;
      const routes = own ?? { direct, proxy: proxies[url.protocol] };
      return routes.proxy === undefined || isLoopback(url.hostname) || bypasses(url) ? routes.direct : routes.proxy;
    },
    close: async () => {
      const all = [...certified.values()].flatMap((own) => [own.direct, own.proxy]);
      const routes = [direct, ...Object.values(proxies), ...all].filter((route) => route !== undefined);
      await Promise.all(routes.map(({ dispatcher }) => dispatcher.destroy()));
    },
  };
}

/** A proxy's address, with its credentials split off. A scheme may be left out, as curl allows. */
function proxyAddress(env: Environment, name: string): { readonly origin: string; readonly token: string | undefined } | undefined {
  const value = variable(env, name).trim();
  if (value === '') return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    // The value itself may hold a password.
    throw new CaissonError('USAGE', `Cannot use ${name}: it is not the address of an http or https proxy`, {
      hint: `Write it as ${name}=http://proxy.example.com:3128, with USER:PASSWORD@ before the host if it asks for them`,
    });
  }
  const { username, password, origin } = url;
  if (username === '' && password === '') return { origin, token: undefined };
  return { origin, token: `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}` };
}

/** A percent sign that escapes nothing stands for itself. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      return escaped;
    }
  });
}

function variable(env: Environment, name: string): string {
  return env[name.toLowerCase()] ?? env[name] ?? '';
}

/** Naming authorities replaces those that Node trusts by itself, so that these must be named, too. */
function usualAuthorities(env: Environment): string[] {
  const extra = env['NODE_EXTRA_CA_CERTS'];
  return [...rootCertificates, ...(extra === undefined || extra === '' ? [] : readIfThere(extra))];
}

/** Node warns by itself when it cannot read this file, and goes on without. */
function readIfThere(file: string): string[] {
  try {
    return [readFileSync(file, 'utf8')];
  } catch {
    return [];
  }
}
