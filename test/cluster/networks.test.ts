import { describe, expect, it } from 'vitest';
import { firstAddress } from '../../src/cluster/networks.ts';

describe('firstAddress', () => {
  it.each([
    ['10.96.0.0/12', '10.96.0.1'],
    ['11.0.0.0/30', '11.0.0.1'],
    ['192.168.7.128/25', '192.168.7.129'],
    ['fd00:96::/112', 'fd00:96::1'],
  ])('of %s is %s', (network, address) => {
    expect(firstAddress(network)).toBe(address);
  });
});
