import * as z from 'zod';
import { FIELD_TYPES } from '../manifests/index.ts';
import { publishedSchemas } from './json-schemas.ts';

type Schema = z.core.JSONSchema.BaseSchema;

/** One row of a table: a key with its type, default and description. */
interface Row {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

/** Maximum in the JSON Schema of an integer that has no limit of its own. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

const HEAD = `# Manifest reference

Every key of every document that people write, made from the schemas that check them: do not edit this page. \`npm run schemas\` writes it and \`manifests/schema/\` again after a schema has changed, and tests hold both current. [manifests.md](manifests.md) shows by example how the keys work together, [glossary.md](glossary.md) says what the words mean.

An unknown key is a mistake. In the column of keys, \`a.b\` is the key \`b\` inside \`a\`, \`a[].b\` is \`b\` of each item of the list \`a\`, and \`a.NAME\` stands for any key that you choose. A key without a default may be left out, unless it is **required**.
`;

/**
 * Returns the text of docs/manifest-reference.md: a table for each kind of document with a row for each key, and a
 * table of the named types.
 */
export function manifestReference(): string {
  const schemas = Object.values(publishedSchemas());
  const kinds = schemas.map((schema) => kindSection(schema)).join('\n');
  return `${HEAD}\n${kinds}\n${typeSection(schemas)}`;
}

function kindSection(schema: Schema): string {
  const variants = schema.oneOf === undefined ? [schema] : objectsOf(schema.oneOf);
  const kind = variants.flatMap(propertiesOf).find(([key]) => key === 'kind')?.[1].const;
  const table = formatRows(['key', 'type', 'default', 'description'], rowsOfDocument(variants).map(cellsOf));
  return `## ${textOf(kind)}\n\n${schema.description ?? ''}\n\n${table}\n`;
}

function cellsOf({ key, type, fallback, description }: Row): readonly string[] {
  return [`\`${key}\``, type, fallback, description];
}

/**
 * Returns the rows of a document that has variants, such as those by package format: first the rows that all variants
 * share, then those of each variant.
 */
function rowsOfDocument(variants: readonly Schema[]): readonly Row[] {
  const tables = variants.map((variant) => rowsOf(variant, ''));
  const isShared = (row: Row): boolean => tables.every((rows) => rows.some((other) => JSON.stringify(other) === JSON.stringify(row)));
  const shared = (tables[0] ?? []).filter(isShared);
  const own = variants.flatMap((variant, index) => {
    const rows = (tables[index] ?? []).filter((row) => !isShared(row));
    const tag = propertiesOf(variant).find(([key, value]) => value.const !== undefined && rows.some((row) => row.key === key));
    const when = tag === undefined ? '' : `With \`${tag[0]}: ${textOf(tag[1].const)}\`. `;
    return rows.map((row) => ({ ...row, description: when + row.description }));
  });
  return [...shared, ...own];
}

/** Returns the rows of the keys of an object; each is followed by the rows of the keys inside it. */
function rowsOf(schema: Schema, prefix: string): readonly Row[] {
  const own = propertiesOf(schema).flatMap(([key, value]) => rowsOfKey(value, `${prefix}${key}`, schema.required?.includes(key) ?? false));
  const named = objectOf(schema.additionalProperties);
  // A map of single values needs no rows besides its own.
  return named === undefined ? own : [...own, ...rowsInside(named, `${prefix}NAME`)];
}

function rowsOfKey(schema: Schema, key: string, required: boolean): readonly Row[] {
  const fallback = required ? '**required**' : defaultOf(schema);
  return [{ key, type: typeOf(schema), fallback, description: schema.description ?? '' }, ...rowsInside(schema, key)];
}

function rowsInside(schema: Schema, key: string): readonly Row[] {
  const items = objectOf(schema.items);
  if (items !== undefined) return rowsInside(items, `${key}[]`);
  if (schema.oneOf !== undefined) return rowsOfVariants(objectsOf(schema.oneOf), key);
  return rowsOf(schema, `${key}.`);
}

/**
 * Returns the rows of variants that differ by a key with a fixed value: a row for each such value, followed by the
 * other keys of the variant.
 */
function rowsOfVariants(variants: readonly Schema[], key: string): readonly Row[] {
  return variants.flatMap((variant) => {
    const [tag] = propertiesOf(variant).filter(([, value]) => value.const !== undefined);
    if (tag === undefined) return rowsOf(variant, `${key}.`);
    const [name, value] = tag;
    const when = `With \`${name}: ${textOf(value.const)}\`. `;
    const others = rowsOf(variant, `${key}.`).filter((row) => row.key !== `${key}.${name}`);
    return [
      { key: `${key}.${name}`, type: typeOf(value), fallback: '**required**', description: value.description ?? '' },
      ...others.map((row) => ({ ...row, description: when + row.description })),
    ];
  });
}

/** Describes in a few words which values a key accepts. */
function typeOf(schema: Schema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (schema.oneOf !== undefined) return 'object';
  if (schema.anyOf !== undefined) return [...new Set(objectsOf(schema.anyOf).map((one) => typeOf(one)))].join(' or ');
  const items = objectOf(schema.items);
  if (items !== undefined) return `list of ${typeOf(items)}`;
  const values = objectOf(schema.additionalProperties);
  if (values !== undefined) return `map of ${objectOf(schema.propertyNames)?.title ?? 'name'} to ${typeOf(values)}`;
  return plainTypeOf(schema);
}

function plainTypeOf(schema: Schema): string {
  if (schema.type === 'integer') return `integer${rangeOf(schema)}`;
  if (schema.type === 'string') return schema.format === 'uri' ? 'URL' : 'text';
  return textOf(schema.type ?? 'anything');
}

function rangeOf({ minimum, maximum }: Schema): string {
  const least = minimum === undefined || minimum <= -UNLIMITED ? undefined : minimum;
  const most = maximum === undefined || maximum >= UNLIMITED ? undefined : maximum;
  if (least !== undefined && most !== undefined) return `, ${least} to ${most}`;
  if (least !== undefined) return `, at least ${least}`;
  return most === undefined ? '' : `, at most ${most}`;
}

/**
 * Returns the default of a key as Markdown. It is empty for `{}`, because the keys inside an object show their own
 * defaults.
 */
function defaultOf(schema: Schema): string {
  const value = schema.default;
  if (value === undefined || JSON.stringify(value) === '{}') return '';
  return code(typeof value === 'object' && value !== null && !Array.isArray(value) ? formatInline(value) : value);
}

/** Formats an object of single values as YAML on one line. */
function formatInline(value: object): string {
  const pairs = Object.entries(value).map(([key, one]) => `${key}: ${textOf(one)}`);
  return `{ ${pairs.join(', ')} }`;
}

/** Returns the table of the named types that the other tables use, with their meanings. */
function typeSection(schemas: readonly Schema[]): string {
  const used = new Set(schemas.flatMap(titlesIn));
  const rows = Object.entries(FIELD_TYPES).filter(([title]) => used.has(title));
  return `## Types\n\n${formatRows(['type', 'meaning'], rows)}\n`;
}

function titlesIn(schema: Schema): readonly string[] {
  const { title, oneOf = [], anyOf = [], items, additionalProperties, propertyNames } = schema;
  const inside = [...oneOf, ...anyOf, objectOf(items), objectOf(additionalProperties), objectOf(propertyNames)];
  const schemas = [...propertiesOf(schema).map(([, value]) => value), ...objectsOf(inside)];
  return [...(title === undefined ? [] : [title]), ...schemas.flatMap((one) => titlesIn(one))];
}

function propertiesOf(schema: Schema): readonly (readonly [string, Schema])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const inner = objectOf(value);
    return inner === undefined ? [] : [[key, inner] as const];
  });
}

/** Returns the schema when it is an object. JSON Schema also allows `true`, `false` and, for tuples, lists of schemas. */
function objectOf(schema: Schema['items'] | Schema['additionalProperties']): Schema | undefined {
  return typeof schema === 'object' && !Array.isArray(schema) ? schema : undefined;
}

function objectsOf(schemas: readonly Schema['additionalProperties'][]): readonly Schema[] {
  return schemas.map(objectOf).filter((schema) => schema !== undefined);
}

function code(value: unknown): string {
  return `\`${textOf(value)}\``;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function formatRows(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
