import { ensureEngine } from '../lab/engine.ts';

/**
 * Provides one Docker engine for a whole run, because test files run in parallel and must not start or stop engines of
 * others. Workers find it in DOCKER_HOST. An engine that was started here stops at the end of the run.
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
