import { CaissonError } from '../../core/index.ts';
import { comparePartialVersions, splitRpmVersion, type RpmVersion } from './rpm-version.ts';

/** How a capability compares versions, in the words of the metadata. */
export type VersionOperator = 'LT' | 'LE' | 'EQ' | 'GE' | 'GT';

/** A name, of a package, a file or anything else that packages provide, with a range of versions. */
export interface Capability {
  readonly kind: 'capability';
  readonly name: string;
  readonly range?: { readonly operator: VersionOperator; readonly version: RpmVersion };
}

/** Operators of rich dependencies (rpm's manual, "boolean dependencies"). `if` and `unless` may have a third part behind `else`. */
export type RichOperator = 'and' | 'or' | 'if' | 'unless' | 'with' | 'without';

export interface RichDependency {
  readonly kind: RichOperator;
  readonly parts: readonly Dependency[];
}

export type Dependency = Capability | RichDependency;

const SIGNS: Readonly<Record<string, VersionOperator>> = { '<': 'LT', '<=': 'LE', '=': 'EQ', '==': 'EQ', '>=': 'GE', '>': 'GT' };
const WRITTEN: Readonly<Record<VersionOperator, string>> = { LT: '<', LE: '<=', EQ: '=', GE: '>=', GT: '>' };

/** Deepest nesting of rich dependencies: those in use have three levels. */
const DEPTH_LIMIT = 16;

export function capability(name: string, range?: { readonly operator: VersionOperator; readonly version: string }): Capability {
  if (range === undefined) return { kind: 'capability', name };
  return { kind: 'capability', name, range: { operator: range.operator, version: splitRpmVersion(range.version) } };
}

/** The dependency as a spec file writes it: `name >= 1.0`, `(a if b)`. */
export function formatDependency(dependency: Dependency): string {
  if (dependency.kind === 'capability') {
    const { name, range } = dependency;
    if (range === undefined) return name;
    const { epoch, version, release } = range.version;
    return `${name} ${WRITTEN[range.operator]} ${epoch === '0' ? '' : `${epoch}:`}${version}${release === undefined ? '' : `-${release}`}`;
  }
  const [first, second, third] = dependency.parts.map(formatDependency);
  if (dependency.kind === 'if' || dependency.kind === 'unless') {
    return `(${first} ${dependency.kind} ${second}${third === undefined ? '' : ` else ${third}`})`;
  }
  return `(${dependency.parts.map(formatDependency).join(` ${dependency.kind} `)})`;
}

/** Reads a rich dependency with its parentheses. Throws REPOSITORY_INVALID. */
export function parseRichDependency(text: string): Dependency {
  const tokens = text
    .replaceAll('\t', ' ')
    .split(' ')
    .filter((token) => token !== '')
    .flatMap(splitParentheses);
  const reader = new RichReader(tokens, text);
  return reader.whole();
}

/** Parentheses around a word, but for those in it, as in `font(:lang=en)`. */
function splitParentheses(word: string): string[] {
  const [, opening = '', rest = ''] = /^(\(*)(.*)$/.exec(word) ?? [];
  let surplus = 0;
  let balance = 0;
  for (const character of rest) {
    if (character === '(') balance += 1;
    if (character === ')') balance -= 1;
    if (balance < 0) {
      surplus += 1;
      balance = 0;
    }
  }
  const body = surplus === 0 ? rest : rest.slice(0, -surplus);
  if (surplus > 0 && rest.slice(-surplus) !== ')'.repeat(surplus)) return [...opening, rest];
  return [...opening, ...(body === '' ? [] : [body]), ...')'.repeat(surplus)];
}

const RICH_WORDS: ReadonlySet<string> = new Set(['and', 'or', 'if', 'unless', 'with', 'without', 'else']);

class RichReader {
  readonly #tokens: readonly string[];
  readonly #text: string;
  #at = 0;

  constructor(tokens: readonly string[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  whole(): Dependency {
    const found = this.#group(0);
    if (this.#at !== this.#tokens.length) throw this.#fault();
    return found;
  }

  #group(depth: number): Dependency {
    if (this.#next() !== '(' || depth > DEPTH_LIMIT) throw this.#fault();
    const first = this.#part(depth);
    const word = this.#next();
    if (word === ')') return first;
    if (!isRichOperator(word)) throw this.#fault();
    const parts = [first, this.#part(depth)];
    for (let next = this.#next(); next !== ')'; next = this.#next()) {
      const isElse = next === 'else' && (word === 'if' || word === 'unless') && parts.length === 2;
      const isMore = next === word && (word === 'and' || word === 'or' || word === 'with');
      if (!isElse && !isMore) throw this.#fault();
      parts.push(this.#part(depth));
    }
    return { kind: word, parts };
  }

  #part(depth: number): Dependency {
    if (this.#tokens[this.#at] === '(') return this.#group(depth + 1);
    const name = this.#next();
    if (name === ')' || RICH_WORDS.has(name)) throw this.#fault();
    const operator = SIGNS[this.#tokens[this.#at] ?? ''];
    if (operator === undefined) return capability(name);
    this.#at += 1;
    const version = this.#next();
    if (version === '(' || version === ')' || RICH_WORDS.has(version)) throw this.#fault();
    return capability(name, { operator, version });
  }

  #next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.#fault();
    return token;
  }

  #fault(): CaissonError {
    return new CaissonError('REPOSITORY_INVALID', `Cannot read a dependency: "${this.#text.slice(0, 120)}" is not one`);
  }
}

function isRichOperator(word: string): word is RichOperator {
  return RICH_WORDS.has(word) && word !== 'else';
}

const BELOW: ReadonlySet<VersionOperator> = new Set(['LT', 'LE']);
const ABOVE: ReadonlySet<VersionOperator> = new Set(['GT', 'GE']);
const EQUAL: ReadonlySet<VersionOperator> = new Set(['LE', 'EQ', 'GE']);

/**
 * Whether a provided capability fits a wanted one of the same name: their ranges have a version in common. A range is
 * missing where every version is meant, on either side; a release counts where both sides have one.
 */
export function fits(provided: Capability['range'], wanted: Capability['range']): boolean {
  if (provided === undefined || wanted === undefined) return true;
  const [left, right] = [provided.operator, wanted.operator];
  if ((BELOW.has(left) && BELOW.has(right)) || (ABOVE.has(left) && ABOVE.has(right))) return true;
  const order = comparePartialVersions(provided.version, wanted.version);
  if (order < 0) return BELOW.has(right) || ABOVE.has(left);
  if (order > 0) return ABOVE.has(right) || BELOW.has(left);
  const [hasOwn, hasOther] = [provided.version.release !== undefined, wanted.version.release !== undefined];
  if (hasOwn === hasOther) return EQUAL.has(left) && EQUAL.has(right);
  return EQUAL.has(hasOwn ? right : left);
}
