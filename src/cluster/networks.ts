import ipaddr from 'ipaddr.js';

/** Returns the canonical spelling of an address: fd00:0::1 and fd00::1 are the same. The text must be a valid address. */
export function normalAddress(text: string): string {
  return ipaddr.process(text).toString();
}

/** True when the address lies in the network. Both must be valid; different address families never match. */
export function networkContains(cidr: string, address: string): boolean {
  const [network, bits] = ipaddr.parseCIDR(cidr);
  const parsed = ipaddr.process(address);
  return network.kind() === parsed.kind() && parsed.match(network, bits);
}

/** True when the two networks have an address in common. Both must be valid. */
export function networksOverlap(left: string, right: string): boolean {
  const [leftNetwork, leftBits] = ipaddr.parseCIDR(left);
  const [rightNetwork, rightBits] = ipaddr.parseCIDR(right);
  return leftNetwork.kind() === rightNetwork.kind() && leftNetwork.match(rightNetwork, Math.min(leftBits, rightBits));
}

/** True when every address of `inner` is one of `outer`. Both must be valid. */
export function networkWithin(inner: string, outer: string): boolean {
  return networksOverlap(inner, outer) && ipaddr.parseCIDR(inner)[1] >= ipaddr.parseCIDR(outer)[1];
}

/** Formats an address for a URL or for a following port: IPv6 gets brackets. */
export function urlAddress(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/**
 * Returns the address of a network at this place behind its own number: the first of 10.96.0.0/16 is 10.96.0.1. Empty for a network that is
 * too small to hold it. The network must be valid.
 */
export function addressAt(cidr: string, place: number): string {
  const [network, prefix] = ipaddr.parseCIDR(cidr);
  const bytes = network.toByteArray();
  const address = ipaddr.fromByteArray([...bytes.slice(0, -1), ((bytes.at(-1) ?? 0) + place) % 256]);
  return address.match(network, prefix) ? address.toString() : '';
}
