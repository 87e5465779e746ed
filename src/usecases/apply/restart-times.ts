import { runChecked, type Host } from '../../host/index.ts';

/** When services of each host were restarted last in this run, by the host's own clock. */
export interface RestartTimes {
  /** Notes that something was restarted on the host just now. */
  note(host: Host, signal: AbortSignal): Promise<void>;
  /** Milliseconds since the epoch by the host's clock; undefined when nothing was restarted there in this run. */
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
