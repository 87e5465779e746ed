import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The operator's guide, from the root of the repository. */
export const GUIDE = 'docs/operate.md';

/** A command line of a page, in a block of shell or in the prose. */
export interface GuideCommand {
  readonly line: number;
  /** The command without its comment, with one space between words. */
  readonly text: string;
  /** True for a command between backticks in the prose. */
  readonly isInline: boolean;
}

const ROOT = join(import.meta.dirname, '../..');
/** Programs whose names between backticks begin a command. */
const PROGRAMS = /`((?:caisson|grctl) [^`]+)`/g;

export function readGuide(): Promise<string> {
  return readFile(join(ROOT, GUIDE), 'utf8');
}

/** Every command of a page, in order. A line that ends with a backslash goes on in the next. */
export function commandsOf(page: string): readonly GuideCommand[] {
  const commands: GuideCommand[] = [];
  let fence: string | undefined;
  let begun: { readonly line: number; readonly text: string } | undefined;
  for (const [index, row] of page.split('\n').entries()) {
    const line = index + 1;
    const mark = /^```(.*)$/.exec(row)?.[1];
    if (mark !== undefined) {
      fence = fence === undefined ? mark.trim() : undefined;
      continue;
    }
    if (fence === undefined) {
      for (const [, text = ''] of row.matchAll(PROGRAMS)) commands.push({ line, text, isInline: true });
      continue;
    }
    if (fence !== 'sh') continue;
    const text = `${begun?.text ?? ''} ${row.replace(/(^|\s)#\s.*$/, '')}`;
    const start = begun?.line ?? line;
    begun = text.trimEnd().endsWith('\\') ? { line: start, text: text.trimEnd().slice(0, -1) } : undefined;
    const words = text.split(/\s+/).filter((word) => word !== '');
    if (begun === undefined && words.length > 0) commands.push({ line: start, text: words.join(' '), isInline: false });
  }
  return commands;
}

/** The places of commands that are not among the given ones, each as `docs/operate.md:LINE: COMMAND`. */
export function unknownCommands(commands: readonly GuideCommand[], known: ReadonlySet<string>): readonly string[] {
  return commands.filter(({ text }) => !known.has(text)).map(({ line, text }) => `${GUIDE}:${line}: ${text}`);
}

/** Splits a command into words, after names of the guide were replaced by those of a site. Longer names go first. */
export function wordsOf(text: string, names: Readonly<Record<string, string>>): readonly string[] {
  const longest = Object.entries(names).sort(([left], [right]) => right.length - left.length);
  let rest = ` ${text} `;
  for (const [name, value] of longest) rest = rest.replaceAll(` ${name} `, ` ${value} `);
  return rest.split(' ').filter((word) => word !== '');
}
