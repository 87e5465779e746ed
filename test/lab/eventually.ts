import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats an attempt until it does not throw, at most for `milliseconds`; then throws what the last attempt threw. */
export async function eventually<T>(milliseconds: number, attempt: () => Promise<T>): Promise<T> {
  const started = performance.now();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() - started > milliseconds) throw error;
    }
    await sleep(300);
  }
}
