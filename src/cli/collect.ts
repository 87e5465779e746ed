/** Parses a flag that may be repeated: appends its value to the earlier ones. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}
