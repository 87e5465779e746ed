import type { DocumentPath } from '../io/index.ts';

/** A text inside plain data, and where it stands there. */
export interface TextPlace {
  readonly path: DocumentPath;
  readonly text: string;
}

/** Every text inside plain data; keys of objects are not among them. `path` leads to the data. */
export function textsIn(data: unknown, path: DocumentPath = []): readonly TextPlace[] {
  if (typeof data === 'string') return [{ path, text: data }];
  if (Array.isArray(data)) return data.flatMap((item: unknown, index) => textsIn(item, [...path, index]));
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([key, value]: [string, unknown]) => textsIn(value, [...path, key]));
}
