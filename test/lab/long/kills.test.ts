import { afterAll, beforeAll, describe } from 'vitest';
import { lifetime } from '../cluster/lifetime.ts';
import { prepareSide, type Side } from '../cluster/site.ts';
import { startConnected, type Connected } from '../scenario.ts';

// Every command that changes a site, killed again and again at moments that CAISSON_KILL_SEED draws, on real hosts.

/** Kills of each command, at most. */
const KILLS = Number(process.env['CAISSON_KILLS'] ?? 3);

let connected: Connected | undefined;
let side: Side | undefined;

beforeAll(async () => {
  connected = await startConnected(() => {});
  side = await prepareSide(connected);
});
afterAll(async () => {
  await connected?.stop();
});

describe('the life of a cluster whose installer is killed again and again', () => {
  lifetime(
    () => {
      if (side === undefined) throw new Error('The connected side is not there');
      return side;
    },
    { kills: KILLS, isLong: true },
  );
});
