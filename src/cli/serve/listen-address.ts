import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { CaissonError } from '../../core/index.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** True when only this machine can connect. */
  readonly loopback: boolean;
}

/** Parses HOST:PORT. An IPv6 host stands in brackets; an empty HOST means every IPv4 address. Throws USAGE. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new CaissonError('USAGE', `Cannot listen on "${text}": it is not HOST:PORT`, {
      hint: 'Write it as 127.0.0.1:5000, [::1]:5000 or 0.0.0.0:5000',
    });
  }
  const host = match[1] ?? (match[2] === '' ? '0.0.0.0' : (match[2] ?? ''));
  return { host, port, loopback: isLoopback(host) };
}

/** Addresses at which a server that listens on `host` can be reached, without link-local ones. */
export function reachableAddresses(host: string): readonly string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family }) => host === '::' || family === 'IPv4')
    .map(({ address }) => address)
    .filter((address) => ipaddr.isValid(address) && ipaddr.parse(address).range() !== 'linkLocal');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback');
}
