import { messageOf } from '../core/index.ts';
import type { Host } from '../host/index.ts';
import type { HealthCheck, HealthResult } from './check.ts';
import { probeCommand } from './checks/cmd.ts';
import { probeHttp } from './checks/http.ts';
import { probeTcp } from './checks/tcp.ts';

/**
 * Probes once. http and tcp connect from this process, so addresses are as this machine sees them; cmd runs on `host`.
 * Rejects only when `signal` aborts; every other failure is a result.
 */
export async function probe(check: HealthCheck, options: { readonly host: Host; readonly signal: AbortSignal }): Promise<HealthResult> {
  try {
    switch (check.model) {
      case 'http':
        return await probeHttp(check, options.signal);
      case 'tcp':
        return await probeTcp(check, options.signal);
      case 'cmd':
        return await probeCommand(check, options.host, options.signal);
    }
  } catch (error) {
    options.signal.throwIfAborted();
    return { status: 'unhealthy', reason: messageOf(error) };
  }
}
