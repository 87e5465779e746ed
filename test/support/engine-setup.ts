import { ensureEngine } from '../lab/engine.ts';

/**
 * One Docker engine for a whole run: test files run beside each other, and none of them may start a second one or end the
 * one that others use. Workers find it in DOCKER_HOST; it ends with the run if it was started for it.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const engine = await ensureEngine();
  const before = process.env['DOCKER_HOST'];
  process.env['DOCKER_HOST'] = engine.host;
  return async () => {
    if (before === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = before;
    await engine.stop();
  };
}
