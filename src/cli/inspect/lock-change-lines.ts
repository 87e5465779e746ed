import type { LockChange } from '../../builder/index.ts';
import { countOf, formatSize } from '../../core/index.ts';
import { formatTable } from '../../ui/index.ts';

/** Characters of a digest that a table shows. */
const DIGEST_SHOWN = 19;

/** Lines about the changes since a lock: their numbers, and a table of all. */
export function changeLines(changes: readonly LockChange[], than: string): readonly string[] {
  if (changes.length === 0) return [`Nothing changes against ${than}`];
  const rows = changes.map(({ kind, name, system, before, after, notes }) => [
    before === undefined ? '+' : after === undefined ? '-' : '~',
    system === undefined ? kind : `${kind} of ${system}`,
    name,
    shown(kind, before?.version),
    shown(kind, after?.version),
    sizeChange(before?.size, after?.size),
    notes.join(', '),
  ]);
  return [`Against ${than}: ${countChanges(changes)}`, '', formatTable(['', 'KIND', 'NAME', 'BEFORE', 'AFTER', 'SIZE', 'NOTE'], rows)];
}

/** One line of numbers, such as "1 image changed (1 moved tag), 2 packages new". */
export function countChanges(changes: readonly LockChange[]): string {
  const kinds = ['image', 'package', 'executable', 'file'] as const;
  const actions = [
    ['changed', ({ before, after }: LockChange) => before !== undefined && after !== undefined],
    ['new', ({ before }: LockChange) => before === undefined],
    ['gone', ({ after }: LockChange) => after === undefined],
  ] as const;
  const parts = kinds.flatMap((kind) =>
    actions.flatMap(([action, isIt]) => {
      const those = changes.filter((change) => change.kind === kind && isIt(change));
      return those.length === 0 ? [] : [`${countOf(those.length, kind)} ${action}${noteCounts(those)}`];
    }),
  );
  return parts.join(', ');
}

function noteCounts(changes: readonly LockChange[]): string {
  const counts = (['moved tag', 'moved URL', 'older', 'security'] as const).flatMap((note) => {
    const count = changes.filter(({ notes }) => notes.includes(note)).length;
    return count === 0
      ? []
      : [note === 'moved tag' || note === 'moved URL' ? countOf(count, note) : `${count} ${note === 'security' ? 'for security' : note}`];
  });
  return counts.length === 0 ? '' : ` (${counts.join(', ')})`;
}

function shown(kind: LockChange['kind'], version: string | undefined): string {
  return kind === 'package' ? (version ?? '') : (version ?? '').slice(0, DIGEST_SHOWN);
}

function sizeChange(before: number | undefined, after: number | undefined): string {
  if (before === undefined || after === undefined) return formatSize(after ?? before ?? 0);
  return before === after ? formatSize(after) : `${formatSize(before)} to ${formatSize(after)}`;
}
