import { escapeControl } from './escape.ts';

/** Makes a foreign text, such as a reason from a host, safe for one cell of a table: on one line, control characters escaped. */
export function toCell(text: string): string {
  return escapeControl(text.replace(/\s+/g, ' '));
}

/** Formats a time as 2025-03-01 08:15:00Z. */
export function formatTime(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+/, '');
}
