import { afterAll, beforeAll, describe } from 'vitest';
import type { EndState } from './cluster/end-state.ts';
import { killed } from './cluster/killed.ts';
import { refused } from './cluster/refused.ts';
import { sameBytes } from './cluster/same-bytes.ts';
import { singleNode } from './cluster/single-node.ts';
import { lifetime } from './cluster/lifetime.ts';
import { prepareSide, type Side } from './cluster/site.ts';
import { takenAway } from './cluster/taken-away.ts';
import { threeRoles } from './cluster/three-roles.ts';
import { startConnected, type Connected } from './scenario.ts';

// The main job, end to end: a bundle is built on the connected side and installed on hosts behind an air gap. What the
// cluster does is asked inside its hosts; what Caisson prints is believed only where that is the question.

let connected: Connected | undefined;
let side: Side | undefined;
let uninterrupted: EndState | undefined;

function getSide(): Side {
  if (side === undefined) throw new Error('The connected side is not there');
  return side;
}

beforeAll(async () => {
  const started = performance.now();
  connected = await startConnected(() => {});
  side = await prepareSide(connected);
  console.log(`      built and verified the bundle in ${Math.round((performance.now() - started) / 1000)} s`);
});

afterAll(async () => {
  await connected?.stop();
});

describe('a bundle', () => {
  sameBytes(getSide);
});

describe('an install that must not begin', () => {
  refused(getSide);
});

describe('a cluster of three roles', () => {
  threeRoles(getSide, (state) => {
    uninterrupted = state;
  });
});

describe('an install that is killed at many points', () => {
  killed(getSide, () => {
    if (uninterrupted === undefined) throw new Error('There is no uninterrupted install to compare with');
    return uninterrupted;
  });
});

describe('a cluster that is taken away', () => {
  takenAway(getSide);
});

describe('a cluster of one node', () => {
  singleNode(getSide);
});

describe('a cluster that grows, loses its seed and shrinks', () => {
  lifetime(getSide, { kills: 1, isLong: false });
});
