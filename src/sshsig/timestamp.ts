/**
 * A time as ssh-keygen(1) takes it: YYYYMMDD[Z] or YYYYMMDDHHMM[SS][Z], in the local time zone without Z. Throws
 * Error, also for a day that no calendar has.
 */
export function parseTimestamp(text: string): Date {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/i.exec(text);
  if (match === null) throw new Error(`"${text}" is not a time: write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const isReal = utc.getUTCMonth() === month - 1 && utc.getUTCDate() === day && hour < 24 && minute < 60 && second < 60 && year >= 1970;
  if (!isReal) throw new Error(`"${text}" is not a time that there is`);
  return match[7] === '' ? new Date(year, month - 1, day, hour, minute, second) : utc;
}
