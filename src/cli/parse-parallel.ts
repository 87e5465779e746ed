import { InvalidArgumentError } from 'commander';

/** Every host costs the seed a connection and its buffers. */
const MOST_HOSTS = 1000;

/** Reads the value of --parallel. Throws InvalidArgumentError, which commander reports with the option's name. */
export function parseParallel(value: string): number {
  const hosts = Number(value);
  if (/^\d+$/.test(value) && hosts >= 1 && hosts <= MOST_HOSTS) return hosts;
  throw new InvalidArgumentError(`It is not a number from 1 to ${MOST_HOSTS}.`);
}
