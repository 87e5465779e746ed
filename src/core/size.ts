import { CaissonError } from './errors.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['kB', 1e3],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
]);

/** Parses "4GiB", "700MB" or a plain number of bytes. Throws SIZE_INVALID. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  const factor = match?.[2] === undefined ? undefined : UNITS.get(match[2]);
  if (match?.[1] === undefined || factor === undefined) {
    throw new CaissonError('SIZE_INVALID', `Cannot read size "${text}": it is not a number of bytes or a number with a unit`, {
      hint: `Units are ${[...UNITS.keys()].filter(Boolean).join(', ')}`,
    });
  }
  return Math.floor(Number(match[1]) * factor);
}

/** Human form in binary units: 1.5 GiB. */
export function formatSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const factor = UNITS.get(unit) ?? 1;
    if (bytes >= factor) return `${(bytes / factor).toFixed(1)} ${unit}`;
  }
  return `${bytes} B`;
}

/** Human form of a duration given in milliseconds: 850 ms, 12.3 s, 4 min 10 s. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  // 59.96 would be written as 60.0.
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
}
