import { InvalidInputError, type InputProblem } from '../core/index.ts';
import { suggestName } from '../io/index.ts';

/** Values for placeholders, nested by the parts of their names: ${node.address} reads scope.node.address. */
export interface Scope {
  readonly [name: string]: string | number | Scope;
}

const MARK = /\$\$\{|\$\{([^}\n]*)(\}?)/g;
const NAME = /^[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9][A-Za-z0-9_-]*)*$/;

/** Most mistakes that are reported for one template. */
const MAX_PROBLEMS = 200;

/**
 * Replaces `${name}` by its value in the scope, and `$${` by `${`. There are no expressions. `where` names the template
 * in errors. Throws InvalidInputError with the line and column of every name that the scope does not have.
 */
export function renderTemplate(text: string, scope: Scope, where: string): string {
  const problems: InputProblem[] = [];
  const rendered = text.replace(MARK, (mark: string, name: string | undefined, close: string | undefined, offset: number) => {
    if (name === undefined) return '${';
    const value = close === '}' ? lookUp(scope, name) : undefined;
    if (value === undefined && problems.length < MAX_PROBLEMS)
      problems.push({ position: positionIn(text, offset), ...describePlaceholder(name, close === '}', namesOf(scope)) });
    return value ?? mark;
  });
  if (problems.length > 0) throw new InvalidInputError(where, problems);
  return rendered;
}

/**
 * Renders every text inside plain data as renderTemplate does; keys of objects are not changed. Throws what
 * renderTemplate throws.
 */
export function renderData<T>(data: T, scope: Scope, where: string): T;
export function renderData(data: unknown, scope: Scope, where: string): unknown {
  if (typeof data === 'string') return renderTemplate(data, scope, where);
  if (Array.isArray(data)) return data.map((item: unknown) => renderData(item, scope, where));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]: [string, unknown]) => [key, renderData(value, scope, where)]));
}

/**
 * Returns the placeholders of a template that `isKnown` refuses, each with its position and, when a known name is
 * similar, with that name.
 */
export function unknownPlaceholders(
  text: string,
  isKnown: (name: string) => boolean,
  known: Iterable<string>,
): (InputProblem & { readonly position: { readonly line: number; readonly column: number } })[] {
  const names = [...known];
  let found = 0;
  return [...text.matchAll(MARK)].flatMap((match) => {
    const [, name, close] = match;
    if (found === MAX_PROBLEMS) return [];
    if (name === undefined || (close === '}' && NAME.test(name) && isKnown(name))) return [];
    found += 1;
    return [{ position: positionIn(text, match.index), ...describePlaceholder(name, close === '}', names) }];
  });
}

function describePlaceholder(
  name: string,
  closed: boolean,
  known: readonly string[],
): { readonly reason: string; readonly remedy?: string } {
  if (!closed) return { reason: `"\${" is not closed on its line`, remedy: 'write $${ for a literal ${' };
  if (!NAME.test(name)) return { reason: `"\${${name}}" is not a name`, remedy: 'write $${ for a literal ${' };
  const remedy = suggestName(name, known);
  return { reason: `there is no "\${${name}}"`, ...(remedy === undefined ? {} : { remedy }) };
}

function lookUp(scope: Scope, name: string): string | undefined {
  let value: string | number | Scope | undefined = scope;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return typeof value === 'object' || value === undefined ? undefined : String(value);
}

/** Returns every name that a scope has a value for, with dots between the parts. */
function namesOf(scope: Scope, prefix = ''): string[] {
  return Object.entries(scope).flatMap(([name, value]) =>
    typeof value === 'object' ? namesOf(value, `${prefix}${name}.`) : [`${prefix}${name}`],
  );
}

function positionIn(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
