import { ensureEngine, type Engine } from '../lab/engine.ts';

export type { Engine } from '../lab/engine.ts';

let engine: Promise<Engine> | undefined;

/**
 * The Docker engine for tests against a real one: `(await dockerEngine()).docker(['load', '-i', file])`. Uses a running
 * engine or starts one. Throws with the name of the Debian package when there is neither an engine nor dockerd.
 */
export function dockerEngine(): Promise<Engine> {
  engine ??= ensureEngine();
  return engine;
}
