/** Most bytes of a line of text: longer ones are hard to read in a terminal, and linters of man pages warn of them. */
const LINE_BYTES = 78;

/** Returns a text for roff in which every character stands for itself (groff(7), Escape sequences). It has only ASCII characters. */
export function escapeRoff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(/[^\t\n -~]/gu, (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

/** Returns a plain text for roff in bold type. */
export function bold(text: string): string {
  return `\\fB${escapeRoff(text)}\\fR`;
}

/** Returns a plain text for roff in italics. */
export function italic(text: string): string {
  return `\\fI${escapeRoff(text)}\\fR`;
}

/** Returns a line with a macro and its plain arguments (man(7)). */
export function macro(name: string, ...words: readonly string[]): string {
  return `.${[name, ...words.map(quoteWord)].join(' ')}`;
}

/** A hyphen stays a plain one here: macros read dates and titles before they are set. */
function quoteWord(word: string): string {
  return /^[A-Za-z0-9]+$/.test(word) ? word : `"${escapeRoff(word).replaceAll('\\-', '-').replaceAll('"', '\\(dq')}"`;
}

/** Returns text that is escaped already in lines of at most 78 bytes, where its words allow that. */
export function paragraph(text: string): string {
  // A line that begins with a dot would be a macro.
  return wrap(text, LINE_BYTES)
    .map((line) => line.replace(/^\./, '\\&.'))
    .join('\n');
}

/** Returns a paragraph behind a tag, both of text that is escaped already. A backslash goes on with a tag in the next line. */
export function tagged(tag: string, text: string): string {
  return `.TP\n${wrap(tag, LINE_BYTES - 2).join(' \\\n')}\n${paragraph(text)}`;
}

function wrap(text: string, most: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= most) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
