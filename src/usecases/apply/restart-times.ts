import { runChecked, type Host } from '../../host/index.ts';

/** Time of the last restart of services on each host in this run, by the clock of the host. */
export interface RestartTimes {
  /** Stores the host's current time as the time of its last restart. */
  note(host: Host, signal: AbortSignal): Promise<void>;
  /** Milliseconds since the epoch by the clock of the host; undefined when this run restarted no service there. */
  since(host: string): number | undefined;
}

export function restartTimes(): RestartTimes {
  const times = new Map<string, number>();
  return {
    note: async (host, signal) => {
      const { stdout } = await runChecked(host, { argv: ['date', '+%s.%N'] }, { signal });
      times.set(host.name, Number(stdout.trim()) * 1000);
    },
    since: (host) => times.get(host),
  };
}
