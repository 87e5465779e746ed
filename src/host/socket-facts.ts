import ipaddr from 'ipaddr.js';
import { ipv4FromHex } from './network-facts.ts';

/** A socket that waits for connections (TCP) or datagrams (UDP). */
export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp';
  /** Address that it is bound to. 0.0.0.0 means every IPv4 address; :: means every address, IPv4 included. */
  readonly address: string;
  readonly port: number;
  /** Names of the processes that hold it; empty when they cannot be read. */
  readonly processes: readonly string[];
}

/**
 * Parses the sockets of a host. The first line names the format of the others: `ss` (ss -H -lntup) or `proc` (/proc/net
 * and the descriptors of processes).
 */
export function parseSockets(text: string): ListeningSocket[] {
  const [source, ...lines] = text.split('\n');
  const sockets = source === 'proc' ? parseProc(lines) : lines.flatMap(parseSsLine);
  return mergeSame(sockets).sort((left, right) => left.port - right.port || (left.protocol < right.protocol ? -1 : 1));
}

/** Parses a line such as: tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=1,fd=3)) */
function parseSsLine(line: string): ListeningSocket[] {
  const [protocol, , , , local, , ...users] = line.trim().split(/\s+/);
  if ((protocol !== 'tcp' && protocol !== 'udp') || local === undefined) return [];
  const colon = local.lastIndexOf(':');
  const port = Number(local.slice(colon + 1));
  if (!Number.isInteger(port) || port < 1) return [];
  // *:22 listens on both address families. Zones and brackets are dropped.
  const address = local.slice(0, colon).replaceAll(/[[\]]|%.*$/g, '');
  const processes = [...users.join(' ').matchAll(/\("([^"]*)",pid=\d+/g)].map((match) => match[1] ?? '');
  return [{ protocol, address: address === '*' ? '::' : address, port, processes: [...new Set(processes)] }];
}

const TCP_LISTEN = '0A';
const UDP_UNCONNECTED = '07';

/** Parses lines of /proc/net/{tcp,tcp6,udp,udp6} with the name of the table in front, and lines `process INODE PID NAME`. */
function parseProc(lines: readonly string[]): ListeningSocket[] {
  const holders = new Map<string, string[]>();
  for (const line of lines) {
    const [, inode, name] = /^process (\d+) \d+ (.+)$/.exec(line.trimEnd()) ?? [];
    if (inode !== undefined && name !== undefined) holders.set(inode, [...(holders.get(inode) ?? []), name]);
  }
  return lines.flatMap((line) => {
    const [table = '', , local = '', , state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
    const protocol = table.startsWith('tcp') ? 'tcp' : table.startsWith('udp') ? 'udp' : undefined;
    if (protocol === undefined || state !== (protocol === 'tcp' ? TCP_LISTEN : UDP_UNCONNECTED)) return [];
    const [hexAddress = '', hexPort = ''] = local.split(':');
    const port = Number.parseInt(hexPort, 16);
    if (!(port > 0)) return [];
    const address = table.endsWith('6') ? ipv6FromHex(hexAddress) : ipv4FromHex(hexAddress);
    return [{ protocol, address, port, processes: [...new Set(holders.get(inode) ?? [])] }];
  });
}

/** Four 32-bit numbers, each in the byte order of the machine. */
function ipv6FromHex(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex').reverse()]);
  return ipaddr.fromByteArray(bytes).toString();
}

/** Merges workers that share a port (SO_REUSEPORT) into one socket with several processes. */
function mergeSame(sockets: readonly ListeningSocket[]): ListeningSocket[] {
  const merged = new Map<string, ListeningSocket>();
  for (const socket of sockets) {
    const key = `${socket.protocol} ${socket.address} ${socket.port}`;
    const processes = [...(merged.get(key)?.processes ?? []), ...socket.processes];
    merged.set(key, { ...socket, processes: [...new Set(processes)] });
  }
  return [...merged.values()];
}
