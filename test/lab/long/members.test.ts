import { afterAll, beforeAll, describe } from 'vitest';
import { members } from '../cluster/members.ts';
import { prepareSide, type Side } from '../cluster/site.ts';
import { startConnected, type Connected } from '../scenario.ts';

let connected: Connected | undefined;
let side: Side | undefined;

beforeAll(async () => {
  connected = await startConnected(() => {});
  side = await prepareSide(connected);
});
afterAll(async () => {
  await connected?.stop();
});

describe('an etcd whose members come and go', () => {
  members(() => {
    if (side === undefined) throw new Error('The connected side is not there');
    return side;
  });
});
