/** Compares by UTF-16 code units: the same everywhere, unlike a locale's order. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** A sorted copy, by the text that `keyOf` gives. */
export function sortedBy<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return items.toSorted((left, right) => compareText(keyOf(left), keyOf(right)));
}

/** "1 image", "3 images": a number with its noun, whose plural has an s. */
export function countOf(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
