import type { CaissonError } from '../../core/index.ts';

/** Most characters of a paragraph; the longest of Debian has about 60 KB. */
const PARAGRAPH_LIMIT = 1 << 20;

/** Fields of one paragraph by lower-case name. Continuation lines keep their line breaks and leading blanks. */
export type ControlFields = ReadonlyMap<string, string>;

/** Makes the error for a fault of a file; it names the file. */
export type Fault = (reason: string) => CaissonError;

/** One paragraph of a stream. */
export interface Paragraph {
  /** Its bytes as characters, one to one (latin1), without the final line break. */
  readonly characters: string;
  /** Place of its first byte in the stream. */
  readonly offset: number;
  /** Number of its first line in the stream, from 1. */
  readonly line: number;
}

/** Names of fields in lower case. Length and first letter rule out most other names without reading them. */
export class FieldNames {
  readonly #names: ReadonlySet<string>;
  readonly #shapes: ReadonlySet<number>;

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
    this.#shapes = new Set(names.map((name) => shapeOf(name, 0, name.length)));
  }

  /** The lower-case name that stands between `start` and `end`, when it is one of these. */
  find(text: string, start: number, end: number): string | undefined {
    if (!this.#shapes.has(shapeOf(text, start, end))) return undefined;
    const name = text.slice(start, end).toLowerCase();
    return this.#names.has(name) ? name : undefined;
  }
}

/** Length and first letter, in either case. */
function shapeOf(text: string, start: number, end: number): number {
  return (end - start) * 256 + (text.charCodeAt(start) | 0x20);
}

/**
 * Reads one paragraph of `Name: value` lines (deb-control(5), policy 5.1). With `wanted`, other fields are skipped,
 * which saves most of the time of a large index. Throws a fault for a line that is no field and for a field that stands
 * there twice.
 */
export function parseParagraph(text: string, fault: Fault, wanted?: FieldNames): ControlFields {
  const fields = new Map<string, string>();
  let start = 0;
  while (start < text.length) {
    const end = endOfField(text, start);
    const colon = text.indexOf(':', start);
    if (colon <= start || colon > end) throw fault(`"${text.slice(start, Math.min(end, start + 60))}" is not a field`);
    const name = wanted === undefined ? text.slice(start, colon).toLowerCase() : wanted.find(text, start, colon);
    if (name !== undefined) {
      if (fields.has(name)) throw fault(`field "${name}" stands there twice`);
      fields.set(name, text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1, end).trim());
    }
    start = end + 1;
  }
  return fields;
}

/**
 * Cuts a stream of bytes into paragraphs, giving at once those that a piece of the stream completes. Throws a fault for a
 * paragraph above 1 MiB.
 */
export async function* splitParagraphs(chunks: AsyncIterable<Buffer>, fault: Fault): AsyncGenerator<readonly Paragraph[]> {
  let rest = '';
  let offset = 0;
  let line = 1;
  for await (const chunk of chunks) {
    const text = rest + chunk.toString('latin1');
    const end = text.lastIndexOf('\n\n') + 1;
    rest = text.slice(end);
    if (rest.length > PARAGRAPH_LIMIT) throw fault(`a paragraph is longer than ${PARAGRAPH_LIMIT} bytes`);
    if (end === 0) continue;
    const found = paragraphsIn(text.slice(0, end), offset, line);
    offset += end;
    line += found.lines;
    yield found.paragraphs;
  }
  yield paragraphsIn(rest, offset, line).paragraphs;
}

/** Paragraphs with empty lines between them; the first character stands at `offset`, in `line`. */
function paragraphsIn(text: string, offset: number, line: number): { readonly paragraphs: readonly Paragraph[]; readonly lines: number } {
  const paragraphs: Paragraph[] = [];
  let lines = 0;
  let start = 0;
  let startLine = line;
  const close = (end: number): void => {
    if (end > start) paragraphs.push({ characters: text.slice(start, end), offset: offset + start, line: startLine });
  };
  for (let at = 0; at < text.length;) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found;
    lines += 1;
    if (end === at) {
      close(at - 1);
      start = at + 1;
      startLine = line + lines;
    }
    at = end + 1;
  }
  close(text.endsWith('\n') ? text.length - 1 : text.length);
  return { paragraphs, lines };
}

/** A field goes on as long as the next line starts with a blank. */
function endOfField(text: string, start: number): number {
  let end = text.indexOf('\n', start);
  while (end >= 0 && (text[end + 1] === ' ' || text[end + 1] === '\t')) end = text.indexOf('\n', end + 1);
  return end < 0 ? text.length : end;
}
