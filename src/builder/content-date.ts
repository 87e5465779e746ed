import { CaissonError } from '../core/index.ts';

const LATEST_SECOND = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

/**
 * Reads SOURCE_DATE_EPOCH (reproducible-builds.org/specs/source-date-epoch): seconds since 1970, or undefined when it is
 * not set. Throws USAGE for anything else.
 */
export function sourceDate(text: string | undefined): Date | undefined {
  if (text === undefined || text === '') return undefined;
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds <= LATEST_SECOND)) {
    throw new CaissonError('USAGE', `Cannot use SOURCE_DATE_EPOCH "${text}": it is not a number of seconds since 1970`, {
      hint: 'Set it with: export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct), or unset it',
    });
  }
  return new Date(seconds * 1000);
}

/** The newest date of the releases in the lock; 1970 when there is no release. Whole seconds. */
export function newestRelease(operatingSystems: readonly { readonly releases: readonly { readonly date: string }[] }[]): Date {
  const times = operatingSystems.flatMap(({ releases }) => releases.map(({ date }) => Date.parse(date)));
  return new Date(Math.floor(Math.max(0, ...times) / 1000) * 1000);
}

/** RFC 3339 in UTC without fractions: 2026-01-31T12:00:00Z. */
export function formatDate(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
