import { readFileSync } from 'node:fs';
import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { Agent, buildConnector, Pool, ProxyAgent, type Dispatcher } from 'undici';
import { CaissonError } from '../core/index.ts';
import { isLoopback } from './loopback.ts';
import { addressOf, parseNoProxy } from './no-proxy.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The connections to use for a URL. */
export interface Route {
  readonly dispatcher: Dispatcher;
  /** The proxy between, as messages show it: never with its password. */
  readonly proxy: string | undefined;
  /** The variable that names the proxy. */
  readonly variable?: ProxyVariable;
}

export type ProxyVariable = 'HTTP_PROXY' | 'HTTPS_PROXY' | 'ALL_PROXY';

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
  /** Addresses by host name, for names that are not looked up. */
  readonly addresses?: ReadonlyMap<string, string> | undefined;
}

/**
 * Connection pools that follow HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (either case) of the given environment, as curl
 * documents them: the variable of the scheme comes before ALL_PROXY, and an empty one counts as none. This machine is never asked
 * through a proxy. Throws USAGE for a proxy that is no http or https address; `for` throws it for ALL_PROXY, which may be meant for
 * other programs, when it would be used.
 */
export function createDispatchers({ env, connectTimeoutMs, ca, clientCertificates, addresses }: DispatcherOptions): Dispatchers {
  const trust = ca.length === 0 ? {} : { ca: [...usualAuthorities(env), ...ca] };
  const connect = { timeout: connectTimeoutMs, ...trust, ...(addresses === undefined ? {} : { lookup: lookupIn(addresses) }) };
  const direct: Route = { dispatcher: new Agent({ connect }), proxy: undefined };
  const opened: Dispatcher[] = [direct.dispatcher];
  const throughProxy = (name: ProxyVariable, own: OwnCertificate): Route => {
    const { origin, token } = proxyAddress(name, variable(env, name));
    const dispatcher = new ProxyAgent({
      uri: origin,
      ...(token === undefined ? {} : { token }),
      // Only https is tunnelled: most proxies refuse CONNECT to port 80.
      proxyTunnel: false,
      connect,
      proxyTls: connect,
      clientFactory: (proxy) => new Pool(proxy, { connect: withoutAddressAsName(buildConnector(connect)) }),
      ...(ca.length === 0 && own.cert === undefined ? {} : { requestTls: { ...trust, ...own } }),
    });
    opened.push(dispatcher);
    return { dispatcher, proxy: origin, variable: name };
  };
  const proxyFor = (name: ProxyVariable, own: OwnCertificate = {}): FindRoute => {
    if (variable(env, name) !== '') {
      const route = throughProxy(name, own);
      return () => route;
    }
    if (variable(env, 'ALL_PROXY') === '') return () => undefined;
    let route: Route | undefined;
    return () => (route ??= throughProxy('ALL_PROXY', own));
  };
  const proxies: Readonly<Record<string, FindRoute>> = { 'http:': proxyFor('HTTP_PROXY'), 'https:': proxyFor('HTTPS_PROXY') };
  // Connections of a host with a certificate of its own are not shared with other hosts.
  const certified = new Map(
    [...clientCertificates].map(([host, pem]) => {
      const own = { cert: pem, key: pem };
      const straight: Route = { dispatcher: new Agent({ connect: { ...connect, ...own } }), proxy: undefined };
      opened.push(straight.dispatcher);
      return [host, { direct: straight, proxy: proxyFor('HTTPS_PROXY', own) }] as const;
    }),
  );
  const bypasses = parseNoProxy(variable(env, 'NO_PROXY'));
  return {
    for: (url) => {
      const own = url.protocol === 'https:' ? certified.get(url.host) : undefined;
      const routes = own ?? { direct, proxy: proxies[url.protocol] };
      return isLoopback(url.hostname) || bypasses(url) ? routes.direct : (routes.proxy?.() ?? routes.direct);
    },
    close: async () => {
      await Promise.all(opened.map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** Looks a name up among known addresses, and elsewhere as usual. */
function lookupIn(addresses: ReadonlyMap<string, string>): LookupFunction {
  return (name, options, callback) => {
    const address = addresses.get(name);
    if (address === undefined) return lookup(name, options, callback);
    const family = isIP(address);
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

interface OwnCertificate {
  readonly cert?: string;
  readonly key?: string;
}

/** Gives the route through a proxy; undefined where none is named. */
type FindRoute = () => Route | undefined;

/**
 * Connects without a server name (SNI) where it would be an address, which RFC 6066 section 3 does not permit and Node warns of. The
 * certificate is compared with the address all the same.
 */
function withoutAddressAsName(connect: buildConnector.connector): buildConnector.connector {
  return ({ servername, ...options }, callback) => {
    // Clients of plain http pass null.
    const name = servername ?? '';
    const isName = name !== '' && addressOf(name) === undefined;
    connect(isName ? { ...options, servername: name } : options, callback);
  };
}

/** A proxy's address, with its credentials split off. A scheme may be left out, as curl allows. */
function proxyAddress(name: ProxyVariable, value: string): { readonly origin: string; readonly token: string | undefined } {
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const example = 'http://proxy.example.com:3128';
  const [socks] = /^socks[0-9a-z]*(?=:)/i.exec(text) ?? [];
  if (socks !== undefined) {
    const other = name === 'ALL_PROXY' ? `HTTPS_PROXY=${example} and HTTP_PROXY, which come before ${name}` : `${name}=${example}`;
    throw new CaissonError(
      'USAGE',
      `Cannot use ${name}: it names a proxy for ${socks.toLowerCase()}, and only http and https proxies are used`,
      {
        hint: `Name an http proxy: ${other}; or leave ${name} out and name in NO_PROXY what is reached directly`,
      },
    );
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    // The value itself may hold a password.
    throw new CaissonError('USAGE', `Cannot use ${name}: it is not the address of an http or https proxy`, {
      hint: `Write it as ${name}=${example}, with USER:PASSWORD@ before the host if it asks for them`,
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
  return [env[name.toLowerCase()], env[name]].map((value) => value?.trim() ?? '').find((value) => value !== '') ?? '';
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
