import ipaddr from 'ipaddr.js';

/** True for URLs that are to be asked directly. */
export type Bypass = (url: URL) => boolean;

/**
 * Reads NO_PROXY as curl and Go do: names that stand for themselves and everything below them (example.com, .example.com,
 * *.example.com), addresses, networks (10.0.0.0/8), each with a port if it should count for that port only, and * for
 * everything. What cannot be read matches nothing.
 */
export function parseNoProxy(value: string): Bypass {
  const rules = value
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .map(ruleOf);
  return (url) => rules.some((matches) => matches(url));
}

function ruleOf(entry: string): Bypass {
  if (entry === '*') return () => true;
  const network = networkOf(entry);
  if (network !== undefined) {
    return (url) => {
      const address = addressOf(url.hostname);
      return address !== undefined && address.kind() === network[0].kind() && address.match(network);
    };
  }
  const [, written = '', port] = /^(\[[^\]]+\]|[^:]+|[^[]*:[^[]*:[^[]*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
  const name = written.replace(/^\*?\./, '').replace(/\.$/, '');
  const address = addressOf(name);
  return (url) => {
    if (port !== undefined && port !== portOf(url)) return false;
    if (address !== undefined) return addressOf(url.hostname)?.toNormalizedString() === address.toNormalizedString();
    const hostname = url.hostname.replace(/\.$/, '');
    return name !== '' && (hostname === name || hostname.endsWith(`.${name}`));
  };
}

function networkOf(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  return ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : undefined;
}

/** The address that a host name of a URL is; undefined for a name. */
export function addressOf(hostname: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  // isValid also takes a plain number for an address.
  if (!/^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)$/i.test(bare) || !ipaddr.isValid(bare)) return undefined;
  return ipaddr.process(bare);
}

function portOf(url: URL): string {
  return url.port !== '' ? url.port : url.protocol === 'https:' ? '443' : '80';
}
