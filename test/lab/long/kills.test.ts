import { describe } from 'vitest';
import { lifetime } from '../cluster/lifetime.ts';
import { useSide } from '../cluster/site.ts';

// Every command that changes a site, killed again and again at moments that CAISSON_KILL_SEED draws, on real hosts.

/** Kills of each command, at most. */
const KILLS = Number(process.env['CAISSON_KILLS'] ?? 3);

const side = useSide();

describe('the life of a cluster whose installer is killed again and again', () => {
  lifetime(side, { kills: KILLS, isLong: true });
});
