import { InvalidArgumentError } from 'commander';

/** Most hosts at the same time: each needs a connection and buffers on the seed. */
const MOST_HOSTS = 1000;

/** Parses the value of --parallel. Throws InvalidArgumentError, which commander reports with the name of the flag. */
export function parseParallel(value: string): number {
  const hosts = Number(value);
  if (/^\d+$/.test(value) && hosts >= 1 && hosts <= MOST_HOSTS) return hosts;
  throw new InvalidArgumentError(`It is not a number from 1 to ${MOST_HOSTS}.`);
}
