import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { compareDebVersions } from '../../../src/ospkg/apt/deb-version.ts';
import { constantFrom, sample, string, tuple } from '../../support/fast-check.ts';

/** Pairs that begin with a digit and do not end with a dash, as dpkg demands; often near each other. */
const part = string({ unit: constantFrom(...'00119aAz.+~-'.split('')), maxLength: 7 });
const epoch = constantFrom('', '', '0:', '1:', '01:', '2:');
const version = tuple(epoch, constantFrom('0', '1', '10', '1.0'), part, constantFrom('', '0', 'a', '~', '+b1'));
const pair = tuple(version, version).map(([left, right]) => [left.join(''), right.join('')] as const);

const ASK = `while read -r left right; do
  if dpkg --compare-versions "$left" lt "$right"; then echo -1
  elif dpkg --compare-versions "$left" gt "$right"; then echo 1
  else echo 0; fi
done`;

it('orders a thousand generated pairs as dpkg does, and the other way round', () => {
  const pairs = sample(pair, { numRuns: 1500, seed: 20261120 }).filter((both) => both.every((text) => !text.endsWith('-')));
  expect(pairs.length).toBeGreaterThan(1000);
  const input = pairs.map((both) => `${both.join(' ')}\n`).join('');
  const answers = execFileSync('sh', ['-c', ASK], { input, stdio: ['pipe', 'pipe', 'ignore'] })
    .toString()
    .trim()
    .split('\n')
    .map(Number);
  expect(new Set(answers)).toEqual(new Set([-1, 0, 1]));
  const ours = pairs.map(([left, right]) => Math.sign(compareDebVersions(left, right)));
  expect(pairs.filter((_, index) => ours[index] !== answers[index])).toEqual([]);
  expect(pairs.map(([left, right]) => 0 - Math.sign(compareDebVersions(right, left)))).toEqual(ours);
});
