import ipaddr from 'ipaddr.js';
import { addressField, isAddress } from '../manifests/index.ts';

/** What is wrong with addresses of these kinds as the address of a host. */
const REFUSED: Readonly<Record<string, string>> = {
  unspecified: 'is the address of no host',
  loopback: 'is a loopback address, which every host takes for itself',
  multicast: 'is an address of many hosts',
  broadcast: 'is an address of many hosts',
};

/** A literal address by which other hosts reach one host. */
export const hostAddressField = addressField.superRefine((text, context) => {
  // IPv4 that is written as IPv6 (::ffff:127.0.0.1) is of the kind of the IPv4 address.
  const reason = isAddress(text) ? REFUSED[ipaddr.process(text).range()] : undefined;
  if (reason !== undefined) {
    context.addIssue({ code: 'custom', message: `${reason}; write the address by which the other hosts reach it` });
  }
});
