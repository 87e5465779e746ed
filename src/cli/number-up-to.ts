import { InvalidArgumentError } from 'commander';

/** Most downloads or requests at once that a flag may ask for. */
export const MOST_JOBS = 64;

/**
 * Returns the parser of a flag that takes a whole number from 1 to `most`. It throws InvalidArgumentError, which commander
 * reports with the name of the flag.
 */
export function numberUpTo(most: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= 1 && number <= most) return number;
    throw new InvalidArgumentError(`It is not a number from 1 to ${most}.`);
  };
}
