import { describe } from 'vitest';
import { movingAddress } from '../cluster/moving-address.ts';
import { useSide } from '../cluster/site.ts';

const side = useSide();

describe('two gateways with an address that moves between them', () => {
  movingAddress(side);
});
