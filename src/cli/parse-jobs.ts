import { InvalidArgumentError } from 'commander';

const MOST_JOBS = 64;

/** Parses the value of --jobs. Throws InvalidArgumentError, which commander reports with the name of the flag. */
export function parseJobs(value: string): number {
  const jobs = Number(value);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > MOST_JOBS) throw new InvalidArgumentError(`It is not a number from 1 to ${MOST_JOBS}.`);
  return jobs;
}
