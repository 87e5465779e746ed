/** One challenge of a WWW-Authenticate header (RFC 9110 11.6.1). */
export interface AuthChallenge {
  /** Lower case: bearer, basic. */
  readonly scheme: string;
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))/y;

/**
 * Reads all challenges of one or several WWW-Authenticate headers, in order. Commas inside quotes belong to the value
 * (scope="repository:a/b:pull,push"); an unreadable challenge ends its header.
 */
export function parseChallenges(headers: string | readonly string[] | undefined): AuthChallenge[] {
  const texts = typeof headers === 'string' ? [headers] : (headers ?? []);
  return texts.flatMap(parseHeader);
}

function parseHeader(text: string): AuthChallenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  const skip = (characters: RegExp): boolean => take(characters) !== null;

  while (position < text.length) {
    skip(/[\s,]+/y);
    const word = take(TOKEN)?.[0];
    if (word === undefined) break;
    const current = challenges.at(-1);
    const isParameter = skip(/\s*=\s*/y);
    if (!isParameter) {
      challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
      // Negotiate and its like carry bare data, which is skipped.
      if (skip(/[ \t]+/y) && !/[A-Za-z0-9_-]+\s*=\s*[^=\s,]/y.test(text.slice(position))) skip(TOKEN68);
      continue;
    }
    const value = take(QUOTED)?.[1]?.replace(/\\(.)/g, '$1') ?? take(TOKEN)?.[0];
    if (value === undefined || current === undefined) break;
    const name = word.toLowerCase();
    if (!current.parameters.has(name)) current.parameters.set(name, value);
  }
  return challenges;
}
