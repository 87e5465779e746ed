/** Prints rows as a Markdown table; columns after the first are numbers and verdicts, to the right. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  for (const row of [head, rule, ...rows]) console.log(`| ${row.join(' | ')} |`);
}

/** The middle one; the mean of the two in the middle of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]];
  return (low + high) / 2;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** Whether a figure is within its bar, as the last cell of a row. */
export function verdict(figure: number, bar: { readonly atMost: number } | { readonly atLeast: number }): string {
  const good = 'atMost' in bar ? figure <= bar.atMost : figure >= bar.atLeast;
  return good ? 'met' : '**missed**';
}
