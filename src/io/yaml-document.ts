import type * as z from 'zod';
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { InvalidInputError, type InputProblem } from '../core/index.ts';
import { describeIssues, formatPath, UNKNOWN_KEY, type DocumentPath, type Finding } from './schema-problems.ts';

/** Most bytes of a document; people write smaller ones. */
export const MAX_YAML_BYTES = 4 * 1024 * 1024;

/** Deepest nesting that is parsed, since deep recursion exhausts the stack. */
const MAX_DEPTH = 100;

/** Most lines, items, pairs and quotes: each takes a hundred times the memory of its text, and some mistakes take quadratic time. */
const MAX_MARKS = 50_000;

/** Most characters of a line: the parser searches the end of the line from each word. */
const MAX_LINE = 32 * 1024;

const MAX_ALIASES = 100;

/** Most mistakes that are reported. */
const MAX_PROBLEMS = 200;

/** Characters that YAML 1.2.2, 5.1, does not allow unescaped. */
const UNPRINTABLE = /[^\t\n\r\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

type Position = NonNullable<InputProblem['position']>;

const BEGINNING: Position = { line: 1, column: 1 };

/** A parsed YAML 1.2 document that still knows where everything stands. */
export interface YamlDocument {
  readonly file: string;
  /** Plain data: maps, lists, strings, numbers, booleans, null. */
  readonly value: unknown;
  /** Mistakes that leave the rest readable, such as a key that is written twice. */
  readonly problems: readonly InputProblem[];
  /**
   * A problem with the position of what stands at `path`, of its nearest parent, or of the beginning when the document is
   * empty. `key` points at the key itself.
   */
  problemAt(path: DocumentPath, reason: string, remedy?: string, options?: { readonly key?: boolean }): InputProblem;
}

export type SchemaResult<T> =
  { readonly value: T; readonly problems: readonly [] } | { readonly value?: undefined; readonly problems: readonly InputProblem[] };

/**
 * Reads a document that we own, strictly: YAML 1.2, one document, no key twice, nothing that the schema does not know.
 * `check` adds mistakes that a schema cannot see; it gets the raw data and runs even when the schema found something,
 * so that every mistake is in the one InvalidInputError this throws. Where the schema finds a key that it does not know,
 * what `check` says of the same key counts.
 */
export function parseYaml<T>(
  text: string,
  file: string,
  schema: z.ZodType<T>,
  check?: (document: YamlDocument) => readonly InputProblem[],
): T {
  const document = readYaml(text, file);
  const result = checkSchema(document, schema);
  const checked = check?.(document) ?? [];
  const explained = new Set(checked.map(({ path }) => path));
  const found = result.problems.filter(({ path, reason }) => reason !== UNKNOWN_KEY || !explained.has(path));
  const problems = [...document.problems, ...found, ...checked];
  if (result.value === undefined || problems.length > 0) throw new InvalidInputError(file, sortProblems(problems));
  return result.value;
}

export interface ReadYamlOptions {
  /** `text` leaves every scalar as it is written, for documents of others in which 1.10 is a name. */
  readonly scalars?: 'typed' | 'text';
}

/** Reads the text. Throws InvalidInputError when it is not YAML at all, too big, too deep, or several documents. */
export function readYaml(text: string, file: string, { scalars = 'typed' }: ReadYamlOptions = {}): YamlDocument {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_YAML_BYTES) {
    throw new InvalidInputError(file, [{ position: BEGINNING, reason: `is ${bytes} bytes long, at most ${MAX_YAML_BYTES} are read` }]);
  }
  refuseUnprintable(text, file);
  refuseDepth(text, file);
  refuseMany(text, file);
  const lines = new LineCounter();
  const schema = scalars === 'text' ? 'failsafe' : 'core';
  const document = parseDocument(text, {
    ...{ version: '1.2', schema, lineCounter: lines, prettyErrors: false, stringKeys: true, uniqueKeys: false },
  });
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = [...document.errors, ...document.warnings, ...faultsOf(document)].map((fault) => ({
    code: fault.code,
    problem: { position: positionOf(fault.pos[0]), ...describeFault(fault.code, fault.message) },
  }));
  if (faults.some(({ code }) => code !== 'DUPLICATE_KEY' && code !== 'FOREIGN_KEY')) {
    throw new InvalidInputError(
      file,
      faults.map((fault) => fault.problem),
    );
  }
  return {
    file,
    value: toData(document, file, positionOf),
    problems: faults.map((fault) => fault.problem),
    problemAt: (path, reason, remedy, options = {}) => {
      const offset = offsetOf(document, path, options.key ?? false);
      return {
        position: offset === undefined ? BEGINNING : positionOf(offset),
        path: formatPath(path),
        reason,
        ...(remedy === undefined ? {} : { remedy }),
      };
    },
  };
}

/** Checks a document against a schema; every mistake is found (at most 200), none is thrown. */
export function checkSchema<T>(document: YamlDocument, schema: z.ZodType<T>): SchemaResult<T> {
  const { value, findings } = checkValue(document.value, schema);
  if (value !== undefined) return { value, problems: [] };
  return { problems: findings.map((finding) => problemOf(document, finding)) };
}

/** Checks plain data that has no positions. `findings` is empty when `value` is there. */
export function checkValue<T>(data: unknown, schema: z.ZodType<T>): { readonly value?: T; readonly findings: readonly Finding[] } {
  const result = schema.safeParse(data);
  if (result.success) return { value: result.data, findings: [] };
  return { findings: describeIssues(result.error.issues.slice(0, MAX_PROBLEMS), schema, data).slice(0, MAX_PROBLEMS) };
}

/** A finding with its place in the document. */
export function problemOf(document: Pick<YamlDocument, 'problemAt'>, { path, reason, remedy, key }: Finding): InputProblem {
  return document.problemAt(path, reason, remedy, key === undefined ? {} : { key });
}

/** In the order of the file, so that an editor walks down. */
export function sortProblems(problems: readonly InputProblem[]): InputProblem[] {
  return [...problems].sort(
    (left, right) =>
      (left.position?.line ?? 0) - (right.position?.line ?? 0) || (left.position?.column ?? 0) - (right.position?.column ?? 0),
  );
}

function describeFault(code: string, message: string): { readonly reason: string; readonly remedy?: string } {
  switch (code) {
    case 'DUPLICATE_KEY':
      return { reason: 'this key is written twice in the same map', remedy: 'keep one' };
    case 'FOREIGN_KEY':
      return { reason: 'this key has a meaning of its own in programs', remedy: 'use another one' };
    case 'TAB_AS_INDENT':
      return { reason: 'a tab is used as indentation', remedy: 'use spaces' };
    case 'MULTIPLE_DOCS':
      return { reason: 'the file holds several documents', remedy: 'remove everything from the second --- on' };
    case 'NON_STRING_KEY':
      return { reason: 'a key is not text', remedy: 'put the key in quotes' };
    case 'ALIAS':
      return { reason: message, remedy: 'write the value out' };
    case 'TAG_RESOLVE_FAILED':
      return { reason: `is not plain data: ${message}`, remedy: 'remove the tag' };
    default:
      return { reason: `is not valid YAML: ${message}` };
  }
}

function toData(document: Document.Parsed, file: string, positionOf: (offset: number) => Position): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const position = positionOf(lastAlias(document) ?? 0);
    throw new InvalidInputError(
      file,
      [{ position, reason: 'this and other aliases multiply without end', remedy: 'write the values out' }],
      {
        cause: error,
      },
    );
  }
}

/** Where the last alias stands: what it multiplies was multiplied by those before it. */
function lastAlias(document: Document.Parsed): number | undefined {
  let last: number | undefined;
  visit(document, {
    Alias: (_, alias) => {
      last = startOf(alias);
    },
  });
  return last;
}

interface Fault {
  readonly code: 'DUPLICATE_KEY' | 'FOREIGN_KEY' | 'ALIAS';
  readonly message: string;
  readonly pos: readonly [number];
}

/**
 * Finds faults that the parser does not report: keys that are written twice (its own search takes quadratic time) and
 * endless aliases.
 */
function faultsOf(document: Document.Parsed): Fault[] {
  const faults: Fault[] = [];
  let aliases = 0;
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (faults.length === MAX_PROBLEMS) return visit.BREAK;
        const value = isScalar(key) ? key.value : key;
        const pos = [startOf(key) ?? 0] as const;
        if (seen.has(value)) faults.push({ code: 'DUPLICATE_KEY', message: '', pos });
        if (value === '__proto__') faults.push({ code: 'FOREIGN_KEY', message: '', pos });
        seen.add(value);
      }
      return undefined;
    },
    Alias: (_, alias, ancestors) => {
      aliases += 1;
      const pos = [startOf(alias) ?? 0] as const;
      if (aliases > MAX_ALIASES) faults.push({ code: 'ALIAS', message: `more than ${MAX_ALIASES} aliases`, pos });
      else if (ancestors.some((node) => isNode(node) && anchorOf(node) === alias.source)) {
        faults.push({ code: 'ALIAS', message: `the alias "${alias.source}" stands inside of what it means`, pos });
      } else if (alias.resolve(document) === undefined) {
        faults.push({ code: 'ALIAS', message: `no anchor before the alias has the name "${alias.source}"`, pos });
      }
      return aliases > MAX_ALIASES ? visit.BREAK : undefined;
    },
  });
  return faults;
}

function anchorOf(node: object): string | undefined {
  return 'anchor' in node && typeof node.anchor === 'string' ? node.anchor : undefined;
}

/** Refuses control characters, which are invisible to a person who reviews the document. */
function refuseUnprintable(text: string, file: string): void {
  const found = UNPRINTABLE.exec(text);
  if (found === null) return;
  const position = positionIn(text, found.index);
  const code = found[0].codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
  throw new InvalidInputError(file, [{ position, reason: `holds the character U+${code}, which no YAML may`, remedy: 'remove it' }]);
}

function positionIn(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function refuseMany(text: string, file: string): void {
  let marks = 0;
  for (const { index } of text.matchAll(/[\n,[\]{}:"&*!]/g)) {
    marks += 1;
    if (marks <= MAX_MARKS) continue;
    const reason = `holds more than ${MAX_MARKS} lines, items, pairs and quotes`;
    throw new InvalidInputError(file, [{ position: positionIn(text, index), reason }]);
  }
}

/** Flow collections nest by brackets, block collections by indentation: both are bounded before anything recurses. */
function refuseDepth(text: string, file: string): void {
  let flow = 0;
  for (const [index, line] of text.split('\n').entries()) {
    let deepest = flow;
    for (const character of line) {
      if (character === '[' || character === '{') flow += 1;
      else if (character === ']' || character === '}') flow = Math.max(0, flow - 1);
      deepest = Math.max(deepest, flow);
    }
    if (line.length > MAX_LINE) {
      throw new InvalidInputError(file, [
        { position: { line: index + 1, column: 1 }, reason: `is a line of ${line.length} characters, at most ${MAX_LINE} are read` },
      ]);
    }
    const indent = line.length - line.trimStart().length;
    const dashes = /^(?:\s*[-?:]\s)+/.exec(line)?.[0].replaceAll(/\s/g, '').length ?? 0;
    if (deepest > MAX_DEPTH || dashes > MAX_DEPTH || (indent > MAX_DEPTH * 8 && /[:-]/.test(line))) {
      throw new InvalidInputError(file, [{ position: { line: index + 1, column: 1 }, reason: `is nested more than ${MAX_DEPTH} deep` }]);
    }
  }
}

function offsetOf(document: Document.Parsed, path: DocumentPath, wantKey: boolean): number | undefined {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (pair === undefined) return offset;
      const keyOffset = startOf(pair.key);
      node = pair.value;
      offset = last && wantKey ? keyOffset : (startOf(node) ?? keyOffset ?? offset);
    } else {
      node = document.getIn(path.slice(0, index + 1), true);
      if (node === undefined) return offset;
      offset = startOf(node) ?? offset;
    }
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  if (isPair(node)) return startOf(node.key);
  if (!isNode(node)) return undefined;
  const { range } = node;
  // An empty value has a range of no length at the place where it would stand: the key is the better place to look.
  return range === undefined || range === null || (isScalar(node) && node.value === null && range[0] === range[1]) ? undefined : range[0];
}
