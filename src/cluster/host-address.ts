import ipaddr from 'ipaddr.js';
import { addressField, isAddress } from '../manifests/index.ts';

/** The reason to refuse an address as the address of a host, by its range in ipaddr.js. */
const REFUSED: Readonly<Record<string, string>> = {
  unspecified: 'is the address of no host',
  loopback: 'is a loopback address, which every host takes for itself',
  multicast: 'is an address of many hosts',
  broadcast: 'is an address of many hosts',
};

/** A literal address by which other hosts can reach one host. */
export const hostAddressField = addressField.superRefine((text, context) => {
  // `process` turns IPv4 that is written as IPv6 (::ffff:127.0.0.1) into the IPv4 address, which is then judged.
  const reason = isAddress(text) ? REFUSED[ipaddr.process(text).range()] : undefined;
  if (reason !== undefined) {
    context.addIssue({ code: 'custom', message: `${reason}; write the address by which the other hosts reach it` });
  }
});
