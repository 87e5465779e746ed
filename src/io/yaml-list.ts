import { isMap, isNode, isScalar, isSeq, parse, parseDocument } from 'yaml';

/** A stretch of a text, in characters; the end is the first character after it. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** A map in a YAML list, with the places of its fields. */
export interface YamlListItem extends TextRange {
  readonly fields: ReadonlyMap<string, { readonly key: TextRange; readonly value: TextRange }>;
}

/** A list of maps that is the value of a top-level key. */
export interface YamlList {
  /** True for a list in brackets. */
  readonly isFlow: boolean;
  readonly items: readonly YamlListItem[];
}

/** Finds a list of maps and the places of its parts in a YAML text. Undefined where the key has no such list. */
export function findYamlList(text: string, key: string): YamlList | undefined {
  const list: unknown = parseDocument(text).get(key, true);
  if (!isSeq(list)) return undefined;
  const items = list.items.map(itemOf);
  return items.every((item) => item !== undefined) ? { isFlow: list.flow === true, items } : undefined;
}

function itemOf(item: unknown): YamlListItem | undefined {
  const range = rangeOf(item);
  if (!isMap(item) || range === undefined) return undefined;
  const fields = item.items.flatMap(({ key, value }) => {
    const places = { key: rangeOf(key), value: rangeOf(value) };
    if (!isScalar(key) || places.key === undefined || places.value === undefined) return [];
    return [[String(key.value), { key: places.key, value: places.value }] as const];
  });
  return { ...range, fields: new Map(fields) };
}

function rangeOf(node: unknown): TextRange | undefined {
  if (!isNode(node) || node.range === undefined || node.range === null) return undefined;
  return { start: node.range[0], end: node.range[1] };
}

/** Formats a value for a YAML flow collection: plain where YAML reads the plain text as the same value, else quoted as JSON. */
export function yamlScalar(value: string | number): string {
  if (typeof value === 'number') return String(value);
  return /^[A-Za-z0-9._-]+$/.test(value) && parse(value) === value ? value : JSON.stringify(value);
}
