import { takeLabLock } from '../../.ci/lab-lock.mjs';

/** One run of the lab tests, `npm test` or quickstart at a time on a machine: they share names of labs, engine and cache. */
export default async function setup(): Promise<() => Promise<void>> {
  const { release } = await takeLabLock('the lab tests');
  return release;
}
