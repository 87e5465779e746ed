import { ensureEngine, type Engine } from '../lab/engine.ts';

export type { Engine } from '../lab/engine.ts';

let engine: Promise<Engine> | undefined;

/**
 * The Docker engine for tests that ask a real one: `(await dockerEngine()).docker(['load', '-i', file])`. Uses an engine that is
 * there and starts one otherwise; fails, naming the Debian package, when there is neither an engine nor dockerd.
 */
export function dockerEngine(): Promise<Engine> {
  engine ??= ensureEngine();
  return engine;
}
