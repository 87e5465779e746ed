import { describe } from 'vitest';
import { adopted } from '../cluster/adopted.ts';
import { online } from '../cluster/online.ts';
import { useSide } from '../cluster/site.ts';

// Where the bytes of a site come from: from the internet by its seed, from the bundle, and from the copy of it on a manager that takes the
// place of a lost seed.

const side = useSide();

describe('a cluster that is supplied online', () => {
  online(side);
});

describe('a cluster whose seeds are lost', () => {
  adopted(side);
});
