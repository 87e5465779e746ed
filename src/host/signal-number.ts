import { constants } from 'node:os';

/** Returns the number of a signal by its name, with or without SIG; 0 for an unknown name. */
export function signalNumber(name: string | null | undefined): number {
  const wanted = `SIG${(name ?? '').replace(/^SIG/, '')}`;
  return Object.entries(constants.signals).find(([known]) => known === wanted)?.[1] ?? 0;
}
