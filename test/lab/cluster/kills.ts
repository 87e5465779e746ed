import { expect } from 'vitest';
import { CARRIED } from '../scenario.ts';
import { reportOf, type InstallReport } from './installer.ts';
import type { Site } from './site.ts';

/** Draws the kills. Another seed draws others: CAISSON_KILL_SEED=7. */
export const KILL_SEED = Number(process.env['CAISSON_KILL_SEED'] ?? 1);
/** The kill comes so many seconds after an event at most: into the middle of what it began. */
const LONGEST_SECONDS = 0.8;
const NEVER = -1;

/**
 * Runs the command "$@", whose output are events, and kills it $2 seconds after its $1-th event of a step: after its start for 0,
 * not at all for -1. Prints the output and, after a kill, a line `killed`.
 */
const KILL_AFTER = `
events=$1 seconds=$2; shift 2
coproc RUN { exec "$@"; }
pid=$RUN_PID
exec 3<&"\${RUN[0]}"
if [ "$events" -eq 0 ]; then sleep "$seconds"; kill -9 "$pid" 2>/dev/null && echo killed; events=-1; fi
while IFS= read -r line <&3; do
  printf '%s\\n' "$line"
  case $line in *'"type":"step.'*) events=$((events - 1)) ;; esac
  if [ "$events" -eq 0 ]; then sleep "$seconds"; kill -9 "$pid" && echo killed; break; fi
done
wait "$pid"`;

export interface Kills {
  /** Kills at most: the run may end before the last. */
  readonly kills: number;
  /** A run goes on for so many events of steps at most, before it is killed. 0 for a command without steps: kills come by time alone. */
  readonly mostEvents: number;
  /** Longest time from the event to the kill. */
  readonly longestSeconds?: number;
  readonly draw: (limit: number) => number;
}

/** Runs a command on the seed until it ends well, killed and begun again as drawn; resolves to the number of kills and the last run. */
export async function runWithKills(
  site: Site,
  words: readonly string[],
  { kills: most, mostEvents, longestSeconds = LONGEST_SECONDS, draw }: Kills,
): Promise<{ readonly kills: number; readonly last: InstallReport }> {
  for (let kills = 0; ; kills += 1) {
    const events = kills < most ? Math.min(1, mostEvents) + draw(Math.max(mostEvents, 1)) : NEVER;
    const seconds = ((draw(100) / 100) * longestSeconds).toFixed(3);
    const parameters = [String(events), seconds, `${CARRIED}/caisson`, '--json', ...words, '--yes'];
    const started = performance.now();
    const ran = await site.try(site.seed, KILL_AFTER, { parameters });
    const last = reportOf(ran, (performance.now() - started) / 1000);
    expect(
      last.finished.filter(([, outcome]) => outcome === 'failed'),
      last.stderr,
    ).toEqual([]);
    if (!/^killed$/m.test(ran.stdout)) {
      expect(last.status, last.stderr).toBe(0);
      return { kills, last };
    }
    console.log(`      killed ${words[0] ?? ''} ${seconds} s after event ${events} (seed ${KILL_SEED})`);
  }
}
