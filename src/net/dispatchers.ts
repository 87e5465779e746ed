import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { isLoopback } from './loopback.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Dispatchers {
  /** The connections to use for a URL: this machine is never asked through a proxy. */
  for(url: URL): Dispatcher;
  close(): Promise<void>;
}

export interface DispatcherOptions {
  readonly env: Environment;
  readonly connectTimeoutMs: number;
  /** Certificates (PEM) of authorities that are trusted besides the usual ones. */
  readonly ca: readonly string[];
}

/** Connection pools that follow HTTP_PROXY, HTTPS_PROXY and NO_PROXY (either case) of the given environment. */
export function createDispatchers({ env, connectTimeoutMs, ca }: DispatcherOptions): Dispatchers {
  const trust = ca.length === 0 ? {} : { ca: [...usualAuthorities(env), ...ca] };
  const options = { connect: { timeout: connectTimeoutMs, ...trust }, requestTls: trust, proxyTls: trust };
  const direct = new Agent(options);
  const proxied = new EnvHttpProxyAgent({
    ...options,
    // Empty, not absent: absent makes undici look into the process's own environment.
    httpProxy: variable(env, 'HTTP_PROXY'),
    httpsProxy: variable(env, 'HTTPS_PROXY'),
    noProxy: variable(env, 'NO_PROXY'),
  });
  return {
    for: (url) => (isLoopback(url.hostname) ? direct : proxied),
    close: async () => {
      await Promise.all([direct.destroy(), proxied.destroy()]);
    },
  };
}

function variable(env: Environment, name: string): string {
  return env[name.toLowerCase()] ?? env[name] ?? '';
}

/** Naming authorities replaces those that Node trusts by itself, so that these must be named, too. */
function usualAuthorities(env: Environment): string[] {
  const extra = env['NODE_EXTRA_CA_CERTS'];
  return [...rootCertificates, ...(extra === undefined || extra === '' ? [] : [readFileSync(extra, 'utf8')])];
}
