import * as z from 'zod';
import { nearestName, suggestName } from './nearest-name.ts';

/** Where something stands in a document: keys and list indexes from the root. */
export type DocumentPath = readonly PropertyKey[];

/** A mistake that a schema found. `key` is set when the key itself is wrong, not its value. */
export interface Finding {
  readonly path: DocumentPath;
  readonly reason: string;
  readonly remedy?: string;
  readonly key?: boolean;
}

/** The reason of a finding about a key that the schema does not know. */
export const UNKNOWN_KEY = 'unknown key';

/** nodes[1].address */
export function formatPath(path: DocumentPath): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`)).join('');
}

/** Turns zod's issues into findings in words that a person who never heard of zod understands. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], schema: z.core.$ZodType, value: unknown): Finding[] {
  return issues.flatMap((issue) => describeIssue(issue, schema, value));
}

function describeIssue(issue: z.core.$ZodIssue, schema: z.core.$ZodType, root: unknown): Finding[] {
  const { path } = issue;
  const actual = valueAt(root, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key], key, keysAt(schema, path, actual)));
    case 'invalid_type':
      return [describeType(path, issue.expected, actual)];
    case 'invalid_value':
      return [describeChoice(path, issue.values.map(String), actual)];
    case 'invalid_union':
      return describeUnion(issue, schema, root);
    case 'too_small':
    case 'too_big':
      return [{ path, reason: describeBound(issue) }];
    case 'invalid_key':
      return [{ path, key: true, reason: issue.issues[0]?.message ?? issue.message }];
    case 'invalid_element':
      return describeIssues(
        issue.issues.map((inner) => ({ ...inner, path: [...path, ...inner.path] })),
        schema,
        root,
      );
    case 'invalid_format':
    case 'not_multiple_of':
    case 'custom':
      return [{ path, ...splitRemedy(issue.message) }];
    default:
      return [{ path, reason: JSON.stringify(issue satisfies never) }];
  }
}

/** Messages of our schemas may carry a remedy after a semicolon. */
function splitRemedy(message: string): { readonly reason: string; readonly remedy?: string } {
  const [reason = message, remedy] = message.split('; ', 2);
  return remedy === undefined ? { reason } : { reason, remedy };
}

function unknownKey(path: DocumentPath, key: string, known: readonly string[]): Finding {
  const remedy = suggestName(key, known);
  return { path, key: true, reason: UNKNOWN_KEY, ...(remedy === undefined ? {} : { remedy }) };
}

function describeType(path: DocumentPath, expected: string, actual: unknown): Finding {
  const want = EXPECTED[expected] ?? expected;
  if (actual === undefined) return { path, reason: `is missing, want ${want}` };
  if (expected === 'string' && (typeof actual === 'number' || typeof actual === 'boolean')) {
    return { path, reason: `is ${nameType(actual)} (${String(actual)}), want text`, remedy: `put it in quotes: "${String(actual)}"` };
  }
  return { path, reason: `is ${nameType(actual)}, want ${want}` };
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function nameType(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'true or false';
  return Number.isInteger(value) ? 'a whole number' : 'a number';
}

function describeChoice(path: DocumentPath, values: readonly string[], actual: unknown): Finding {
  const want = values.length === 1 ? `"${values[0]}"` : `one of ${values.map((value) => `"${value}"`).join(', ')}`;
  if (actual === undefined) return { path, reason: `is missing, want ${want}` };
  if (typeof actual === 'object') return { path, reason: `is ${nameType(actual)}, want ${want}` };
  const written = JSON.stringify(actual);
  const nearest = typeof actual === 'string' ? nearestName(actual, values) : undefined;
  const shown = typeof actual === 'string' ? written : `${nameType(actual)} (${written})`;
  return { path, reason: `is ${shown}, want ${want}`, ...(nearest === undefined ? {} : { remedy: `did you mean "${nearest}"?` }) };
}

/** The alternative with the fewest mistakes is the one that was meant. */
function describeUnion(issue: z.core.$ZodIssueInvalidUnion, schema: z.core.$ZodType, root: unknown): Finding[] {
  const alternatives = issue.errors.filter((errors) => errors.length > 0);
  const best = [...alternatives].sort((left, right) => unionScore(left) - unionScore(right))[0];
  if (best === undefined) return [describeUnionChoice(issue, schema, root)];
  return describeIssues(
    best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })),
    schema,
    root,
  );
}

function unionScore(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.path.length === 0 && issue.code === 'invalid_type' ? 100 : 1), 0);
}

/** No alternative was even tried: the key that chooses one has an unknown value. */
function describeUnionChoice({ path }: z.core.$ZodIssueInvalidUnion, schema: z.core.$ZodType, root: unknown): Finding {
  return describeChoice(path, literalsAt(schema, path), valueAt(root, path));
}

function describeBound(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const bound = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  switch (issue.origin) {
    case 'string':
      return `has the wrong length, want ${bound} characters`;
    case 'array':
    case 'set':
    case 'map':
      return issue.code === 'too_small' && issue.minimum === 1
        ? 'is empty, want at least one entry'
        : `has the wrong number of entries, want ${bound}`;
    default:
      return `is out of range, want ${bound}`;
  }
}

function valueAt(root: unknown, path: DocumentPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    // The step is an own key of the value, as the line above has seen.
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** The keys that the schema knows for a value; those of the alternative that its literals (kind: …) choose. */
function keysAt(schema: z.core.$ZodType, path: DocumentPath, value: unknown): readonly string[] {
  const objects = schemasAt(schema, path).filter((candidate) => candidate instanceof z.ZodObject);
  const chosen = objects.find((candidate) => literalsFit(candidate, value)) ?? objects[0];
  return Object.keys(chosen?.shape ?? {});
}

function literalsFit(schema: z.ZodObject, value: unknown): boolean {
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  return Object.entries(shape).every(
    ([key, field]) =>
      !(field instanceof z.ZodLiteral) || valueAt(value, [key]) === undefined || field.values.has(literal(valueAt(value, [key]))),
  );
}

function literal(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The texts that the schema accepts at a path, from its literals. */
function literalsAt(schema: z.core.$ZodType, path: DocumentPath): string[] {
  return schemasAt(schema, path).flatMap((candidate) => (candidate instanceof z.ZodLiteral ? [...candidate.values].map(String) : []));
}

/** Every schema that may judge the value at a path. */
function schemasAt(schema: z.core.$ZodType, path: DocumentPath): readonly z.core.$ZodType[] {
  const [step, ...rest] = path;
  const candidates = alternativesOf(schema);
  if (step === undefined) return candidates;
  return candidates.flatMap((candidate) => {
    const inner = innerOf(candidate, step);
    return inner === undefined ? [] : schemasAt(inner, rest);
  });
}

/** A schema without its wrappers; a union gives all its members. */
function alternativesOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(alternativesOf);
  if (schema instanceof z.ZodPipe) return alternativesOf(schema.in);
  for (const Wrapper of [z.ZodOptional, z.ZodNullable, z.ZodDefault, z.ZodPrefault, z.ZodReadonly]) {
    if (schema instanceof Wrapper) return alternativesOf(schema.unwrap());
  }
  return [schema];
}

function innerOf(schema: z.core.$ZodType, step: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (!(schema instanceof z.ZodObject)) return undefined;
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  return shape[String(step)];
}
