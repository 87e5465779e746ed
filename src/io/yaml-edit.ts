import { isDeepStrictEqual } from 'node:util';
import { isMap, isNode, isPair, isScalar, isSeq, parse, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { InvalidInputError } from '../core/index.ts';
import type { DocumentPath } from './schema-problems.ts';
import { readYaml, type YamlDocument } from './yaml-document.ts';

/** Plain data that can be written into a document. */
export type YamlData = string | number | readonly YamlData[] | { readonly [key: string]: YamlData };

/**
 * Adds an item at the end of the list at `path`, in the form and with the indentation of the item before it. All other bytes
 * stay. Throws InvalidInputError when there is no list, or when the text is written so that it cannot be edited in place.
 */
export function addYamlItem(text: string, file: string, path: DocumentPath, item: YamlData): string {
  const { document, list } = openList(text, file, path);
  const edited = list.flow === true ? appendToFlow(text, list, formatFlow(item)) : appendToBlock(text, list, itemLines(text, list, item));
  return checked(document, edited, path, (value) => (Array.isArray(value) ? value.concat([item]) : value));
}

/**
 * Removes an item of the list at `path` with its lines, and with the comments on them and directly above them. All other
 * bytes stay, but for blank lines that separated it from its neighbours. Throws as addYamlItem does.
 */
export function removeYamlItem(text: string, file: string, path: DocumentPath, index: number): string {
  const { document, list } = openList(text, file, path);
  const edited = list.flow === true ? removeFromFlow(text, list, index) : removeFromBlock(text, list, index, keyEnd(text, path));
  return checked(document, edited, path, (value) => (Array.isArray(value) ? value.filter((_, place) => place !== index) : value));
}

/** Writes a value at `path`, the last step of which is a key of a map. All other bytes stay. Throws as addYamlItem does. */
export function setYamlValue(text: string, file: string, path: DocumentPath, value: YamlData): string {
  const document = readYaml(text, file);
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const map = nodeAt(text, parent);
  if (!isMap(map)) throw new InvalidInputError(file, [document.problemAt(parent, 'is not a map')]);
  const pair = map.items.find((one) => isScalar(one.key) && one.key.value === key);
  const edited = pair === undefined ? appendPair(text, map, `${key}: ${formatFlow(value)}`) : replaceValue(text, pair.value, value);
  return checked(document, edited, parent, (before) => (typeof before === 'object' ? { ...before, [key]: value } : before));
}

type Collection = YAMLMap | YAMLSeq;

/** Offsets of the first character and of the one behind the last. */
interface Span {
  readonly start: number;
  readonly end: number;
}

function nodeAt(text: string, path: DocumentPath): unknown {
  const document = parseDocument(text, { version: '1.2', keepSourceTokens: true, stringKeys: true, uniqueKeys: false });
  return path.length === 0 ? document.contents : document.getIn(path, true);
}

/** The end of the key whose value stands at `path`. */
function keyEnd(text: string, path: DocumentPath): number | undefined {
  const parent = nodeAt(text, path.slice(0, -1));
  const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1)) : undefined;
  return rangeOf(pair?.key)?.[1];
}

function openList(text: string, file: string, path: DocumentPath): { readonly document: YamlDocument; readonly list: YAMLSeq } {
  const document = readYaml(text, file);
  const list = nodeAt(text, path);
  if (!isSeq(list)) throw new InvalidInputError(file, [document.problemAt(path, 'is not a list', 'write it as a list')]);
  return { document, list };
}

/** Returns the edited text when it says what it should. Otherwise, the text has anchors or breaks lines in unusual places. */
function checked(document: YamlDocument, edited: string, path: DocumentPath, change: (value: unknown) => unknown): string {
  const wanted = withChange(document.value, path, change);
  let found: unknown;
  try {
    found = readYaml(edited, document.file).value;
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
  }
  if (isDeepStrictEqual(found, wanted)) return edited;
  throw new InvalidInputError(document.file, [
    document.problemAt(path, 'is written in a way that a command cannot edit', 'edit it by hand, then run: caisson install --offline'),
  ]);
}

function withChange(value: unknown, [step, ...rest]: DocumentPath, change: (value: unknown) => unknown): unknown {
  if (step === undefined) return change(value);
  if (Array.isArray(value)) return value.map((item: unknown, index) => (index === step ? withChange(item, rest, change) : item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]): [string, unknown] => [key, key === step ? withChange(one, rest, change) : one]),
  );
}

// Block collections.

function appendToBlock(text: string, list: YAMLSeq, lines: readonly string[]): string {
  const spans = spansOf(text, list);
  const [before, last] = [spans.at(-2), spans.at(-1)];
  const isSpaced = before !== undefined && last !== undefined && isBlankAbove(text, leadStart(text, last, spans.length - 1));
  return appendLines(text, last, [...(isSpaced ? [''] : []), ...lines]);
}

/** Adds lines below an item and the comments that are indented deeper than it, at the column of the item. */
function appendLines(text: string, last: Span | undefined, lines: readonly string[]): string {
  if (last === undefined) return text;
  const at = blockEnd(text, last);
  const indent = ' '.repeat(columnOf(text, last.start));
  const eol = eolOf(text);
  return text.slice(0, at) + lines.map((line) => `${eol}${line === '' ? '' : indent}${line}`).join('') + text.slice(at);
}

function removeFromBlock(text: string, list: YAMLSeq, index: number, key: number | undefined): string {
  const spans = spansOf(text, list);
  const span = spans[index];
  if (span === undefined) return text;
  let start = leadStart(text, span, index);
  let end = blockEnd(text, span);
  if (spans.length === 1) return key === undefined ? text : emptyBlock(text, key, { start, end });
  if (index > 0) while (isBlankAbove(text, start)) start = lineStart(text, start - 1);
  else while (isBlankBelow(text, end)) end = lineEnd(text, nextLine(text, end));
  return cutLines(text, { start, end });
}

/** A block list without items would be no list: an empty one is written behind its key. */
function emptyBlock(text: string, key: number, lines: Span): string {
  const cut = cutLines(text, lines);
  const colon = cut.indexOf(':', key);
  return `${cut.slice(0, colon + 1)} []${cut.slice(colon + 1)}`;
}

/** Cuts whole lines, with one end of line: the one before them when the text ends with them. */
function cutLines(text: string, { start, end }: Span): string {
  const next = nextLine(text, end);
  if (next > end) return text.slice(0, start) + text.slice(next);
  return text.slice(0, start === 0 ? 0 : lineEnd(text, start - 1)) + text.slice(end);
}

/** The start of the lines of an item, with the comments directly above it that are not of the item before. */
function leadStart(text: string, span: Span, index: number): number {
  const column = columnOf(text, span.start);
  let start = lineStart(text, span.start);
  while (start > 0) {
    const above = lineStart(text, start - 1);
    if (!isComment(text, above) || (index > 0 && indentOf(text, above) > column)) break;
    start = above;
  }
  return start;
}

/** The end of the last line of an item, with the comments directly below it that are indented deeper than it. */
function blockEnd(text: string, span: Span): number {
  const column = columnOf(text, span.start);
  let end = lineEnd(text, span.end);
  for (;;) {
    const next = nextLine(text, end);
    if (next === end || !isComment(text, next) || indentOf(text, next) <= column) return end;
    end = lineEnd(text, next);
  }
}

/** From the dash or key of each item to the end of its last value. */
function spansOf(text: string, collection: Collection): readonly Span[] {
  if (collection.flow === true) {
    return collection.items.flatMap((item): readonly Span[] => {
      const range = isPair(item) ? rangeOf(item.key) : rangeOf(item);
      return range === undefined ? [] : [{ start: range[0], end: contentEnd(text, item) }];
    });
  }
  const token = collection.srcToken;
  const dashes = token?.type === 'block-seq' ? token.items.flatMap(({ start }) => start.filter(({ type }) => type === 'seq-item-ind')) : [];
  return collection.items.flatMap((item, index): readonly Span[] => {
    const start = isPair(item) ? rangeOf(item.key)?.[0] : dashes[index]?.offset;
    return start === undefined ? [] : [{ start, end: Math.max(contentEnd(text, item), start + 1) }];
  });
}

function contentEnd(text: string, item: unknown): number {
  if (isPair(item)) {
    const key = rangeOf(item.key)?.[1] ?? 0;
    if (isScalar(item.value) && item.value.value === null && (item.value.source ?? '') === '') return text.indexOf(':', key) + 1;
    return item.value === null ? key : contentEnd(text, item.value);
  }
  const isBlock = (isMap(item) || isSeq(item)) && item.flow !== true;
  const last: unknown = isBlock ? item.items.at(-1) : undefined;
  let end = last === undefined ? (rangeOf(item)?.[1] ?? 0) : contentEnd(text, last);
  while (end > 0 && /\s/.test(text.charAt(end - 1))) end -= 1;
  return end;
}

function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  return isNode(node) ? (node.range ?? undefined) : undefined;
}

// Flow collections.

function appendToFlow(text: string, collection: Collection, item: string): string {
  const [start, end] = collection.range ?? [0, 0];
  const last = spansOf(text, collection).at(-1);
  if (last === undefined) {
    const inside = isMap(collection) ? ` ${item} ` : item;
    return text.slice(0, start + 1) + inside + text.slice(text.slice(start + 1, end - 1).trim() === '' ? end - 1 : start + 1);
  }
  const comma = commaAfter(text, last.end);
  const behind = comma === undefined ? last.end : comma + 1;
  if (!isOwnLine(text, last.start)) {
    return text.slice(0, behind) + (comma === undefined ? `, ${item}` : ` ${item},`) + text.slice(behind);
  }
  const line = `${eolOf(text)}${' '.repeat(columnOf(text, last.start))}${item}${comma === undefined ? '' : ','}`;
  // Behind a comment that ends the line, but before a bracket that does.
  const at = isRestBlank(text, behind) ? lineEnd(text, behind) : behind;
  return text.slice(0, last.end) + (comma === undefined ? ',' : '') + text.slice(last.end, at) + line + text.slice(at);
}

function removeFromFlow(text: string, list: YAMLSeq, index: number): string {
  const spans = spansOf(text, list);
  const span = spans[index];
  if (span === undefined) return text;
  const before = spans[index - 1];
  const commaBefore = before === undefined ? undefined : commaAfter(text, before.end);
  const comma = commaAfter(text, span.end);
  const behind = comma === undefined ? span.end : comma + 1;
  // The comma before the last item goes with it, where none follows it.
  const dropped = comma === undefined ? commaBefore : undefined;
  if (isOwnLine(text, span.start)) {
    if (isRestBlank(text, behind)) {
      return withoutComma(text, dropped, cutLines(text, { start: leadStart(text, span, 0), end: lineEnd(text, behind) }));
    }
    const start = leadStart(text, span, 0);
    const above = start === 0 ? 0 : lineEnd(text, start - 1);
    // The bracket goes up to the line before, unless it would stand in a comment there.
    const isBelowComment = text.slice(lineStart(text, above), above).includes('#');
    const lead = isBelowComment ? text.slice(0, start) + ' '.repeat(columnOf(text, span.start)) : text.slice(0, above);
    return withoutComma(text, dropped, lead + text.slice(behind));
  }
  if (commaBefore !== undefined) return text.slice(0, commaBefore) + text.slice(span.end);
  const next = spans[index + 1];
  const end = next !== undefined && !text.slice(behind, next.start).includes('#') ? next.start : behind;
  const cut = text.slice(0, span.start) + text.slice(end);
  return next === undefined ? cut.replace(/\[[^\S\n]*\]/, (found, at: number) => (at === list.range?.[0] ? '[]' : found)) : cut;
}

/** Drops a comma of `text` from `cut`, which is `text` without something that stands behind the comma. */
function withoutComma(text: string, comma: number | undefined, cut: string): string {
  return comma === undefined || text.charAt(comma) !== ',' ? cut : cut.slice(0, comma) + cut.slice(comma + 1);
}

/** The comma behind an item, past blanks and comments; undefined when the collection ends first. */
function commaAfter(text: string, end: number): number | undefined {
  let at = end;
  for (;;) {
    if (/\s/.test(text.charAt(at))) at += 1;
    else if (text.charAt(at) === '#') at = lineEnd(text, at);
    else return text.charAt(at) === ',' ? at : undefined;
  }
}

// Maps and single values.

function appendPair(text: string, map: YAMLMap, pair: string): string {
  return map.flow === true ? appendToFlow(text, map, pair) : appendLines(text, spansOf(text, map).at(-1), [pair]);
}

function replaceValue(text: string, node: unknown, value: YamlData): string {
  const range = rangeOf(node);
  if (range === undefined) return text;
  const isQuoted = isScalar(node) && node.type === 'QUOTE_DOUBLE' && typeof value === 'string';
  const isEmpty = range[0] === range[1];
  return `${text.slice(0, range[0])}${isEmpty ? ' ' : ''}${isQuoted ? JSON.stringify(value) : formatFlow(value)}${text.slice(range[1])}`;
}

// Text of new items.

/** The lines of a new item, the first with its dash: as a block where the last item of the list is one. */
function itemLines(text: string, list: YAMLSeq, item: YamlData): readonly string[] {
  const last = list.items.at(-1);
  const [span] = spansOf(text, list).slice(-1);
  if (!isMap(last) || last.flow === true || !isRecord(item) || span === undefined) return [`- ${formatFlow(item)}`];
  const start = rangeOf(last)?.[0] ?? 0;
  const isSameLine = lineStart(text, start) === lineStart(text, span.start);
  const offset = isSameLine ? start - span.start : 2;
  return mapLines(text, last, item).map((line, index) => (index === 0 ? `-${' '.repeat(offset - 1)}${line}` : ' '.repeat(offset) + line));
}

/** Keys below each other. A value is a block where that of the same key in `like` is one. */
function mapLines(text: string, like: YAMLMap, item: Readonly<Record<string, YamlData>>): readonly string[] {
  return Object.entries(item).flatMap(([key, value]) => {
    const model = like.get(key, true);
    if (typeof value !== 'object' || !(isMap(model) || isSeq(model)) || model.flow === true) return [`${key}: ${formatFlow(value)}`];
    const column = columnOf(text, rangeOf(like)?.[0] ?? 0);
    const indent = ' '.repeat(Math.max(columnOf(text, spansOf(text, model)[0]?.start ?? 0) - column, 0));
    if (isSeq(model) && isList(value)) return [`${key}:`, ...value.map((one) => `${indent}- ${formatFlow(one)}`)];
    if (isMap(model) && isRecord(value)) return [`${key}:`, ...mapLines(text, model, value).map((line) => indent + line)];
    return [`${key}: ${formatFlow(value)}`];
  });
}

/** A value on one line of YAML. Texts are quoted where they would be read as something else; keys are written as they are. */
export function formatFlow(value: YamlData): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return isPlain(value) ? value : JSON.stringify(value);
  if (isList(value)) return `[${value.map(formatFlow).join(', ')}]`;
  return `{ ${Object.entries(value)
    .map(([key, one]) => `${key}: ${formatFlow(one)}`)
    .join(', ')} }`;
}

function isPlain(text: string): boolean {
  return /^[A-Za-z0-9_./](?:[A-Za-z0-9_./:+@=-]*[A-Za-z0-9_./+=-])?$/.test(text) && parse(text, { version: '1.2' }) === text;
}

function isList(value: YamlData): value is readonly YamlData[] {
  return Array.isArray(value);
}

function isRecord(value: YamlData): value is { readonly [key: string]: YamlData } {
  return typeof value === 'object' && !isList(value);
}

// Lines.

function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

/** The end of a line without its line break. */
function lineEnd(text: string, offset: number): number {
  const found = text.indexOf('\n', offset);
  if (found < 0) return text.length;
  return found > 0 && text.charAt(found - 1) === '\r' ? found - 1 : found;
}

/** The start of the next line after the end of a line; the end itself when it is the last. */
function nextLine(text: string, end: number): number {
  return text.startsWith('\r\n', end) ? end + 2 : text.charAt(end) === '\n' ? end + 1 : end;
}

function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

function indentOf(text: string, start: number): number {
  return /^ */.exec(text.slice(start, lineEnd(text, start)))?.[0].length ?? 0;
}

function isComment(text: string, start: number): boolean {
  return /^\s*#/.test(text.slice(start, lineEnd(text, start)));
}

function isBlankAbove(text: string, start: number): boolean {
  return start > 0 && text.slice(lineStart(text, start - 1), start).trim() === '';
}

/** True for a blank line below that is not only the end of the text. */
function isBlankBelow(text: string, end: number): boolean {
  const next = nextLine(text, end);
  return next > end && nextLine(text, lineEnd(text, next)) > next && text.slice(next, lineEnd(text, next)).trim() === '';
}

function isOwnLine(text: string, start: number): boolean {
  return text.slice(lineStart(text, start), start).trim() === '';
}

function isRestBlank(text: string, offset: number): boolean {
  return /^\s*(?:#|$)/.test(text.slice(offset, lineEnd(text, offset)));
}

function eolOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}
