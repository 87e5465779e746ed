import { describe, expect, it } from 'vitest';
import { addressAt } from '../../src/cluster/networks.ts';

describe('addressAt', () => {
  it.each([
    ['10.96.0.0/12', 1, '10.96.0.1'],
    ['10.96.0.0/12', 10, '10.96.0.10'],
    ['11.0.0.0/30', 1, '11.0.0.1'],
    ['11.0.0.0/30', 10, ''],
    ['11.0.0.248/29', 10, ''],
    ['192.168.7.128/25', 1, '192.168.7.129'],
    ['fd00:96::/112', 10, 'fd00:96::a'],
  ])('of %s, %i is %s', (network, place, address) => {
    expect(addressAt(network, place)).toBe(address);
  });
});
