/** Milliseconds between the first restart and the second; each further pause is twice as long, up to the ceiling. */
export const FIRST_PAUSE_MS = 10_000;
export const LONGEST_PAUSE_MS = 300_000;
/** Milliseconds for which a service must be healthy before its next restart is a first one again. */
export const CALM_MS = 600_000;
/** Restarts without calm, or starts by systemd within CALM_MS, that are a crash loop. */
export const CRASHES = 5;

/** Milliseconds that must pass after the last of `tries` restarts before the next one. */
export function pauseAfter(tries: number): number {
  return tries === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
}
