import ipaddr from 'ipaddr.js';

/** One spelling for one address: fd00:0::1 and fd00::1 are the same. The text must be an address. */
export function normalAddress(text: string): string {
  return ipaddr.process(text).toString();
}

/** True when the network holds the address. Both must be valid; different families never match. */
export function networkContains(cidr: string, address: string): boolean {
  const [network, bits] = ipaddr.parseCIDR(cidr);
  const parsed = ipaddr.process(address);
  return network.kind() === parsed.kind() && parsed.match(network, bits);
}

/** True when two networks share an address. Both must be valid. */
export function networksOverlap(left: string, right: string): boolean {
  const [leftNetwork, leftBits] = ipaddr.parseCIDR(left);
  const [rightNetwork, rightBits] = ipaddr.parseCIDR(right);
  return leftNetwork.kind() === rightNetwork.kind() && leftNetwork.match(rightNetwork, Math.min(leftBits, rightBits));
}

/** An address as it stands in a URL or before a port: IPv6 in brackets. */
export function urlAddress(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
