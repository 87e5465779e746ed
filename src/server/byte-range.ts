import type { ByteRange } from '../oci/index.ts';

const SINGLE_RANGE = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)$/i;

/**
 * Reads a Range header for a representation of `size` bytes (RFC 9110, 14.2). Gives the one range clipped to the end,
 * `unsatisfiable` (answer 416) for a start beyond the end, an empty suffix or an end before its start, and undefined
 * (send everything) for no header, another unit, several ranges or nonsense.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = header === undefined ? null : SINGLE_RANGE.exec(header.trim());
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return suffix(Number(last), size);
  const start = Number(first);
  const end = last === '' ? size : Math.min(Number(last) + 1, size);
  return start < end ? { start, end } : 'unsatisfiable';
}

function suffix(length: number, size: number): ByteRange | 'unsatisfiable' {
  const start = Math.max(size - length, 0);
  return length === 0 || size === 0 ? 'unsatisfiable' : { start, end: size };
}

/** The value of Content-Range for a range, or for a 416 when there is none. */
export function contentRange(range: ByteRange | undefined, size: number): string {
  return range === undefined ? `bytes */${size}` : `bytes ${range.start}-${range.end - 1}/${size}`;
}
