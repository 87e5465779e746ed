import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { isLoopback } from './loopback.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Dispatchers {
  /** The connections to use for a URL: this machine is never asked through a proxy. */
  for(url: URL): Dispatcher;
  close(): Promise<void>;
}

/** Connection pools that follow HTTP_PROXY, HTTPS_PROXY and NO_PROXY (either case) of the given environment. */
export function createDispatchers(env: Environment, connectTimeoutMs: number): Dispatchers {
  const options = { connect: { timeout: connectTimeoutMs } };
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
