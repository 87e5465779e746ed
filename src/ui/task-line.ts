import stringWidth from 'string-width';
import { formatAmount } from './describe-event.ts';

/** A running task as its display shows it. */
export interface TaskView {
  readonly title: string;
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'items' | undefined;
  /** Amount per second; undefined while it is not known. */
  readonly rate: number | undefined;
  /** Milliseconds until the end; undefined while they are not known. */
  readonly leftMs: number | undefined;
  /** The part that is worked on now. */
  readonly item: string | undefined;
}

const GAP = '  ';
const MOST_BAR = 30;
const LEAST_BAR = 8;
/** A narrower terminal has no bar: percent and the time left tell more. */
const LEAST_WIDTH_WITH_BAR = 40;
const LEAST_TITLE = 8;
const LEAST_ITEM = 12;

/**
 * Returns the line of a task, which takes at most `width` columns: its title, percent, and, as far as there is room for them, a bar,
 * the time that is left, the amounts, the rate and the current part. Text must have no control characters.
 */
export function taskLine(view: TaskView, width: number): string {
  const { title, done, total, unit } = view;
  const share = total === 0 ? 0 : Math.min(1, done / total);
  const percent = `${String(Math.floor(share * 100)).padStart(3)} %`;
  const left = view.leftMs === undefined ? undefined : `${formatSpan(view.leftMs)} left`;
  const rate = view.rate === undefined ? undefined : formatRate(view.rate, unit);
  const amount = `${formatAmount(done, unit)} of ${formatAmount(total, unit)}`;

  // Each part is taken where the title and a bar still have their least room beside it.
  const hasBar = width >= LEAST_WIDTH_WITH_BAR;
  const least = Math.min(stringWidth(title), LEAST_TITLE) + (hasBar ? GAP.length + LEAST_BAR : 0) + GAP.length + stringWidth(percent);
  let room = width - least;
  const taken = [left, amount, rate].map((part) => {
    const needed = part === undefined ? 0 : GAP.length + stringWidth(part);
    if (part === undefined || needed > room) return undefined;
    room -= needed;
    return part;
  });
  const ends = [percent, taken[1], taken[2], taken[0]].filter((part) => part !== undefined);
  const wholeTitle = Math.max(0, stringWidth(title) - LEAST_TITLE);
  const titleRoom = Math.min(wholeTitle, Math.max(0, room));
  room -= titleRoom;
  const barRoom = hasBar ? Math.max(0, Math.min(MOST_BAR - LEAST_BAR, room)) : 0;
  room -= barRoom;
  const shown = cut(title, Math.min(stringWidth(title), LEAST_TITLE) + titleRoom);
  const item = view.item !== undefined && room >= GAP.length + LEAST_ITEM ? [cutFront(view.item, room - GAP.length)] : [];
  return cut([shown, ...(hasBar ? [bar(share, LEAST_BAR + barRoom)] : []), ...ends, ...item].join(GAP), width);
}

/** Returns the line of parallel work of one kind, such as the steps that run: as many as there is room for, and how many more. */
export function listLine(title: string, parts: readonly string[], width: number): string {
  for (let count = parts.length; count > 1; count -= 1) {
    const more = parts.length - count;
    const line = `${title}: ${parts.slice(0, count).join('; ')}${more === 0 ? '' : `; ${more} more`}`;
    if (stringWidth(line) <= width) return line;
  }
  const more = parts.length > 1 ? `; ${parts.length - 1} more` : '';
  return cut(`${cut(`${title}: ${parts[0] ?? ''}`, width - more.length)}${more}`, width);
}

function bar(share: number, width: number): string {
  const done = Math.round(share * width);
  return `${'='.repeat(done)}${'-'.repeat(width - done)}`;
}

/** Formats an amount per second, such as 3.2/s or 12.0 MiB/s. */
export function formatRate(perSecond: number, unit: 'bytes' | 'items' | undefined): string {
  return `${unit === 'items' ? perSecond.toFixed(1) : formatAmount(Math.round(perSecond), unit)}/s`;
}

/** Formats milliseconds as 5 s, 1:20 or 2:03:04, rounded up. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = String(seconds % 60).padStart(2, '0');
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${String(minutes).padStart(2, '0')}:${rest}`;
}

/** Cuts the end of a text that takes more columns. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  const characters = [...text];
  while (characters.length > 0 && stringWidth(characters.join('')) > width - 1) characters.pop();
  return width < 1 ? '' : `${characters.join('')}…`;
}

/** Cuts the front of a text that takes more columns: the end of a path or digest tells more. */
function cutFront(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  const characters = [...text];
  while (characters.length > 0 && stringWidth(characters.join('')) > width - 1) characters.shift();
  return width < 1 ? '' : `…${characters.join('')}`;
}
