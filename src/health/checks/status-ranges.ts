/** Statuses of http from the first to the last, both included. */
export type StatusRanges = readonly (readonly [first: number, last: number])[];

const ITEM = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/;

/** Reads a list of statuses and ranges, such as `200-299, 401`. Undefined for anything else. */
export function parseStatusRanges(text: string): StatusRanges | undefined {
  const ranges = text.split(',').map((item): readonly [number, number] | undefined => {
    const [, first, last = first] = ITEM.exec(item.trim()) ?? [];
    return first === undefined || Number(first) > Number(last) ? undefined : [Number(first), Number(last)];
  });
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}
