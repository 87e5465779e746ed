import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Site } from './site.ts';

const PAGE = join(import.meta.dirname, '../../../docs/sockets.md');
/** Where each resolver of a lab host listens for the host alone, and the server for Kubernetes' names inside the stand-in of rbd-dns. */
const OF_THE_LAB = [/^127\.0\.0\.11:/, /^127\.0\.0\.1:10053$/];
/** Ports from here on are drawn by the kernel when a program does not say which it wants. */
const FIRST_DRAWN = 32_768;

/**
 * The first column of a table of docs/sockets.md: protocol, kind of address and port, as `tcp node 2379`. It is the table of the shipped
 * platform, or that below the heading of another one.
 */
export async function documentedSockets(platform?: 'kubernetes'): Promise<readonly string[]> {
  const [shipped = '', kubernetes = ''] = (await readFile(PAGE, 'utf8')).split('\n## The platform kubernetes\n');
  const page = platform === undefined ? shipped : kubernetes;
  return [...page.matchAll(/^\| `((?:tcp|udp) (?:any|node|loopback) (?:\d+|drawn))` \|/gm)].map(([, socket = '']) => socket);
}

/** The sockets of a host that take connections or datagrams, as the table writes them, each once. */
export async function listeningSockets(site: Site, node: string): Promise<readonly string[]> {
  const text = await site.bash(node, `ss --listening --tcp --udp --numeric --no-header | awk '{ print $1, $5 }'`);
  return describeSockets(text, site.address(node));
}

/** `text` has a line for each socket: the protocol, a space, the local address and port. */
export function describeSockets(text: string, own: string): readonly string[] {
  const sockets = text.split('\n').flatMap((line) => {
    const [, protocol, place = ''] = /^(tcp|udp) (\S+)$/.exec(line) ?? [];
    if (protocol === undefined || OF_THE_LAB.some((pattern) => pattern.test(place))) return [];
    const address = place.slice(0, place.lastIndexOf(':')).replaceAll(/[[\]]|%.*/g, '');
    const port = Number(place.slice(place.lastIndexOf(':') + 1));
    const kind = kindOf(address, own);
    return [`${protocol} ${kind} ${kind === 'loopback' && port >= FIRST_DRAWN ? 'drawn' : port}`];
  });
  return [...new Set(sockets)].sort();
}

function kindOf(address: string, own: string): string {
  if (['0.0.0.0', '::', '*'].includes(address)) return 'any';
  if (address === own) return 'node';
  return address === '::1' || address.startsWith('127.') ? 'loopback' : address;
}
