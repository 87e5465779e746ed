/** Reads a flag that may be repeated: each value behind those before it. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}
