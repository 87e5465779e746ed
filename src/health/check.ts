import type { HealthModel } from '../core/index.ts';
import { parseHostPort } from './checks/address.ts';
import { parseStatusRanges, type StatusRanges } from './checks/status-ranges.ts';

/** How a probe by http reaches a server that not everybody reaches. */
export interface HttpWay {
  /** Directory with ca.crt, the authority that is trusted, and tls.crt and tls.key, by which the server knows the probe. */
  readonly certificates?: string | undefined;
  /** Unix socket to connect to; the host of the URL is only a name then. */
  readonly socket?: string | undefined;
}

/** One probe, ready to run. */
export type HealthCheck =
  | ({ readonly model: 'http'; readonly url: string; readonly timeoutMs: number; readonly status?: StatusRanges | undefined } & HttpWay)
  | { readonly model: 'tcp'; readonly host: string; readonly port: number; readonly timeoutMs: number }
  | { readonly model: 'cmd'; readonly command: string; readonly timeoutMs: number };

/**
 * The result of one probe. `unhealthy`: something answers and is not well, or refuses to talk. `dead`: nothing answers
 * in time. The reason is one line, empty when healthy.
 */
export interface HealthResult {
  readonly status: 'healthy' | 'unhealthy' | 'dead';
  readonly reason: string;
}

export const HEALTHY: HealthResult = { status: 'healthy', reason: '' };

const DEFAULT_TIMEOUT_MS: Readonly<Record<HealthModel, number>> = { http: 10_000, tcp: 5_000, cmd: 20_000 };

export interface CheckOptions extends HttpWay {
  /** 10 s (http), 5 s (tcp), 20 s (cmd) when not given. */
  readonly timeoutMs?: number | undefined;
  /** Statuses of http that are healthy, such as `200-299, 401`; every one below 500 when not given. */
  readonly status?: string | undefined;
}

/**
 * Reads a check from its model and address: a URL (http:// may be left out), host:port, or a line for bash. Gives the
 * mistake when the address or the statuses are none.
 */
export function healthCheckOf(
  model: HealthModel,
  address: string,
  { timeoutMs = DEFAULT_TIMEOUT_MS[model], ...options }: CheckOptions = {},
): HealthCheck | { readonly mistake: string } {
  const mistake = ofHttpAlone(model, options);
  if (mistake !== undefined) return { mistake };
  switch (model) {
    case 'http':
      return httpCheck(address, timeoutMs, options);
    case 'tcp':
      return tcpCheck(address, timeoutMs);
    case 'cmd':
      return address.trim() === '' ? { mistake: 'is empty, want a command' } : { model, command: address, timeoutMs };
  }
}

/** The mistake of a key that another model than http does not have. */
export function ofHttpAlone(model: HealthModel, { status, certificates, socket }: Omit<CheckOptions, 'timeoutMs'>): string | undefined {
  if (model === 'http') return undefined;
  if (status !== undefined) return 'names a status, which only http has';
  if (certificates !== undefined) return 'names certificates, which only http has';
  return socket === undefined ? undefined : 'names a socket, which only http has';
}

function httpCheck(
  address: string,
  timeoutMs: number,
  { status, certificates, socket }: CheckOptions,
): HealthCheck | { readonly mistake: string } {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1];
  if (scheme !== undefined && !/^https?$/i.test(scheme)) return { mistake: `"${address}" has the scheme ${scheme}, want http or https` };
  const text = /^https?:\/\//i.test(address) ? address : `http://${address}`;
  if (!URL.canParse(text)) return { mistake: `"${address}" is not a URL` };
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return { mistake: 'holds credentials, which a health address must not' };
  if (certificates !== undefined && url.protocol !== 'https:') return { mistake: 'names certificates, which only https has' };
  const way = { ...(certificates === undefined ? {} : { certificates }), ...(socket === undefined ? {} : { socket }) };
  if (status === undefined) return { model: 'http', url: url.href, timeoutMs, ...way };
  const ranges = parseStatusRanges(status);
  return ranges === undefined
    ? { mistake: `"${status}" is not a list of statuses; write it as 200-299, 401` }
    : { model: 'http', url: url.href, timeoutMs, status: ranges, ...way };
}

function tcpCheck(address: string, timeoutMs: number): HealthCheck | { readonly mistake: string } {
  const place = parseHostPort(address);
  return place === undefined ? { mistake: `"${address}" is not host:port` } : { model: 'tcp', ...place, timeoutMs };
}

/** The target of the check, for messages. */
export function describeCheck(check: HealthCheck): string {
  switch (check.model) {
    case 'http':
      return check.socket === undefined ? check.url : `${check.url} on ${check.socket}`;
    case 'tcp':
      return `tcp ${check.host.includes(':') ? `[${check.host}]` : check.host}:${check.port}`;
    case 'cmd':
      return `command ${check.command}`;
  }
}
