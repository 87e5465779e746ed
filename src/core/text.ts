/** Compares by UTF-16 code units: the same everywhere, unlike a locale's order. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

/** A sorted copy, by the text that `keyOf` gives. */
export function sortedBy<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return items.toSorted((left, right) => compareText(keyOf(left), keyOf(right)));
}
