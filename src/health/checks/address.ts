import { isIPv6 } from 'node:net';

const HOST_AND_PORT = /^(?:\[([0-9a-f:.]+)\]|([^:/\s[\]]+)):(\d{1,5})$/i;

/** Reads host:port, with an IPv6 address in brackets. Undefined for anything else. */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = HOST_AND_PORT.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) return undefined;
  return { host, port };
}
