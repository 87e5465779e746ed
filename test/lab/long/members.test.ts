import { describe } from 'vitest';
import { members } from '../cluster/members.ts';
import { useSide } from '../cluster/site.ts';

const side = useSide();

describe('an etcd whose members come and go', () => {
  members(side);
});
