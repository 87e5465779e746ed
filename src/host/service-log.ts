import * as z from 'zod';
import { parseBoundedJson } from '../io/index.ts';
import type { Host } from './host.ts';
import { runChecked } from './run-checked.ts';

/** One message of a service, as journald keeps it (systemd.journal-fields(7)). */
export interface LogEntry {
  /** ISO time of the host's clock. */
  readonly time: string;
  /** Whole name of the unit; empty for a message that belongs to none. */
  readonly unit: string;
  /** Severity of syslog (RFC 5424, 6.2.1): 0 for an emergency, 7 for debugging. */
  readonly severity: number;
  /** Text as the service wrote it, control characters included. Empty for one that journald did not pass on because of its size. */
  readonly message: string;
  /** Place of the entry, from which later ones are asked for. */
  readonly cursor: string;
}

/** Units whose messages are asked for, and how many of the last ones. */
export interface LogQuery {
  /** Whole names of units, at least one. */
  readonly units: readonly string[];
  /** Most entries, from 1 to MOST_LOG_LINES. */
  readonly lines: number;
  /** A time as journalctl(1) takes it: `1 hour ago`, `2026-01-31 10:00`. */
  readonly since?: string | undefined;
  /** Cursor of an entry; only later ones are asked for. */
  readonly after?: string | undefined;
}

/** Most entries of one question. Their text stays below the limit for the output of a command. */
export const MOST_LOG_LINES = 10_000;

const FIELDS = 'MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT';
/** Severity of a message that names none: informational. */
const USUAL_SEVERITY = 6;

const entrySchema = z.object({
  __CURSOR: z.string(),
  __REALTIME_TIMESTAMP: z.string().regex(/^\d{1,16}$/),
  _SYSTEMD_UNIT: z.string().optional(),
  /** Unit of a message of systemd about it. */
  UNIT: z.string().optional(),
  PRIORITY: z
    .string()
    .regex(/^[0-7]$/)
    .optional(),
  /** Bytes for a text that is not UTF-8 or has control characters, null for one that is too long (journalctl(1), json). */
  MESSAGE: z.union([z.string(), z.array(z.int().min(0).max(255)), z.null()]).optional(),
});

/**
 * Reads the last messages of units from a host's journald, oldest first. A unit that journald does not know has none. Lines that are
 * no entries are passed over. Throws CommandFailedError, such as for a time that journalctl does not understand, and
 * LIMIT_EXCEEDED for more than 16 MiB.
 */
export async function readServiceLog(
  host: Host,
  { units, lines, since, after }: LogQuery,
  signal?: AbortSignal,
): Promise<readonly LogEntry[]> {
  const argv = [
    'journalctl',
    '--no-pager',
    '--quiet',
    '--output=json',
    `--output-fields=${FIELDS}`,
    `--lines=${lines}`,
    ...(since === undefined ? [] : [`--since=${since}`]),
    ...(after === undefined ? [] : [`--after-cursor=${after}`]),
    ...units.map((unit) => `--unit=${unit}`),
  ];
  const { stdout } = await runChecked(host, { argv }, signal === undefined ? {} : { signal });
  return stdout.split('\n').flatMap((line) => parseLogEntry(line) ?? []);
}

/** Reads one line of `journalctl --output=json`; undefined for a line that is no entry. */
export function parseLogEntry(line: string): LogEntry | undefined {
  const parsed = entrySchema.safeParse(jsonIn(line));
  if (!parsed.success) return undefined;
  const {
    __CURSOR: cursor,
    __REALTIME_TIMESTAMP: time,
    _SYSTEMD_UNIT: sender,
    UNIT: unit,
    PRIORITY: severity,
    MESSAGE: message,
  } = parsed.data;
  return {
    // Microseconds since 1970; 16 digits stay within the times that a Date has.
    time: new Date(Number(time.slice(0, -3))).toISOString(),
    unit: unit ?? sender ?? '',
    severity: severity === undefined ? USUAL_SEVERITY : Number(severity),
    message: typeof message === 'string' ? message : Buffer.from(message ?? []).toString('utf8'),
    cursor,
  };
}

function jsonIn(line: string): unknown {
  try {
    return parseBoundedJson(line);
  } catch {
    return undefined;
  }
}
