import ipaddr from 'ipaddr.js';

export interface HostNameEntry {
  readonly address: string;
  readonly names: readonly string[];
}

/** Parses hosts(5). Comments and lines without an entry are skipped. */
export function parseHostNames(text: string): HostNameEntry[] {
  return text.split('\n').flatMap((line) => {
    const [address, ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    return address === undefined || address === '' || names.length === 0 ? [] : [{ address, names }];
  });
}

/** Parses `ip -o address show`, or `hostname -I` when `ip` is missing. Drops zones and prefix lengths. */
export function parseAddresses(text: string): string[] {
  const words = text.includes(' inet') ? [...text.matchAll(/ inet6? (\S+)/g)].map((match) => match[1] ?? '') : text.split(/\s+/);
  const addresses = words.map((word) => word.split(/[/%]/)[0] ?? '').filter((word) => ipaddr.isValid(word) && /[.:]/.test(word));
  return [...new Set(addresses.map((address) => ipaddr.parse(address).toString()))];
}

/**
 * Parses /proc/net/route: destination and mask as little-endian hex. Leaves out the default route and routes that are
 * not up.
 */
export function parseRoutes(text: string): string[] {
  const routes = text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination, , flags, , , , mask] = line.trim().split(/\s+/);
      if (destination === undefined || flags === undefined || mask === undefined) return [];
      const isUp = (Number.parseInt(flags, 16) & 1) === 1;
      const bits = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
      return isUp && bits > 0 ? [`${ipv4FromHex(destination)}/${bits}`] : [];
    });
  return [...new Set(routes)];
}

/**
 * The kernel prints the four bytes as one number in the byte order of the machine, which is little-endian on all
 * supported ones.
 */
export function ipv4FromHex(hex: string): string {
  return [...Buffer.from(hex, 'hex').reverse()].join('.');
}
