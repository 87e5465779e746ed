import * as z from 'zod';
import { InvalidInputError, type InputProblem } from '../core/index.ts';
import { checkValue, formatPath, suggestName, type Finding } from '../io/index.ts';
import {
  fieldType,
  isSecretValue,
  requiredValues,
  secretName,
  valueField,
  type OptionValue,
  type PlatformChoice,
  type PlatformOption,
} from '../manifests/index.ts';

/**
 * An option as cluster.yaml writes it: the choice alone, or the choice with its values. The manifests of the platform
 * decide which choices and values are valid.
 */
export const optionField = z
  .union([z.string(), z.looseObject({ choice: z.string().describe('One of the choices.') })])
  .meta(fieldType('choice'));

type WrittenOptions = Readonly<Record<string, unknown>>;

/** The choice of a site for one option, from cluster.yaml or by default. */
export interface ResolvedOption {
  readonly choice: string;
  /** Every value of the choice, with defaults filled in. Values that are secrets are not among them. */
  readonly values: Readonly<Record<string, OptionValue>>;
  /** Choice and values may not change once the cluster is installed. */
  readonly fixed: boolean;
}

/** A secret that the site stores in a file. */
export interface OptionSecret {
  /** Name for ${secret.NAME}, in the form OPTION-VALUE. */
  readonly name: string;
  /**
   * Path as cluster.yaml writes it: absolute, relative to cluster.yaml, or starting with ~/. The file must have mode
   * 0600.
   */
  readonly path: string;
}

export interface ResolvedOptions {
  /** By name, one for each option of the platform, in its order. */
  readonly options: ReadonlyMap<string, ResolvedOption>;
  /** Secrets that belong to the chosen choices. */
  readonly secrets: readonly OptionSecret[];
}

interface Declared {
  readonly platform: { readonly options: readonly PlatformOption[] };
}

/**
 * Resolves the options of a cluster.yaml. Throws InvalidInputError (naming `file`) with every mistake that
 * findOptionMistakes finds.
 */
export function resolveOptions(spec: { readonly options: WrittenOptions }, { platform }: Declared, file = 'cluster.yaml'): ResolvedOptions {
  const problems = optionProblems(spec, { platform });
  if (problems.length > 0) throw new InvalidInputError(file, problems);
  const read = platform.options.map((option) => ({ option, ...readOption(option, spec.options) }));
  return {
    options: new Map(read.map(({ option, choice, values }) => [option.name, { choice, values, fixed: option.fixed }])),
    secrets: read.flatMap(({ secrets }) => secrets),
  };
}

/** Checks the options of a cluster.yaml that was read without its platform. The problems have a path and no position. */
export function optionProblems(spec: { readonly options: WrittenOptions }, { platform }: Declared): InputProblem[] {
  return findOptionMistakes(spec.options, platform.options).map(({ path, reason, remedy }) => ({
    path: formatPath(path),
    reason,
    ...(remedy === undefined ? {} : { remedy }),
  }));
}

/**
 * Returns the choice for one option: that of cluster.yaml, else the default. Returns undefined when neither is a choice
 * of the option.
 */
export function choiceOf(option: PlatformOption, written: WrittenOptions): string | undefined {
  const { choice = option.default } = splitOption(option, written);
  return typeof choice === 'string' && Object.hasOwn(option.choices, choice) ? choice : undefined;
}

/** True when each of the options has one of the choices that count. */
export function isChosen(when: When, { options }: ResolvedOptions): boolean {
  return doesHold(when, (name) => options.get(name)?.choice);
}

/** The same for options as a site wrote them, of which some may be mistakes: these have no choice. */
export function isWrittenChoice(when: When, options: readonly PlatformOption[], written: WrittenOptions): boolean {
  return doesHold(when, (name) => {
    const option = options.find((candidate) => candidate.name === name);
    return option === undefined ? undefined : choiceOf(option, written);
  });
}

/** Choices that count, by option. */
type When = Readonly<Record<string, readonly string[]>>;

function doesHold(when: When, choiceOfOption: (name: string) => string | undefined): boolean {
  return Object.entries(when).every(([name, choices]) => {
    const choice = choiceOfOption(name);
    return choice !== undefined && choices.includes(choice);
  });
}

/**
 * Finds unknown options, unknown and missing choices, and unknown, missing and malformed values. `path` of each starts
 * with "options".
 */
export function findOptionMistakes(written: WrittenOptions, declared: readonly PlatformOption[]): Finding[] {
  const names = declared.map(({ name }) => name);
  const unknown = Object.keys(written)
    .filter((name) => !names.includes(name))
    .map((name) => finding(['options', name], `the platform has no option "${name}"`, suggestName(name, names), true));
  return [...unknown, ...declared.flatMap((option) => mistakesOf(option, written))];
}

function mistakesOf(option: PlatformOption, written: WrittenOptions): Finding[] {
  const path = ['options', option.name];
  const known = Object.keys(option.choices);
  const { choice = option.default, values } = splitOption(option, written);
  const chosen = choiceOf(option, written);
  if (choice === undefined) return [finding(path, `is missing, want one of ${quoteAll(known)}`)];
  // A choice that is not a text is reported by the schema of cluster.yaml.
  if (typeof choice !== 'string') return [];
  const declaration = chosen === undefined ? undefined : option.choices[chosen];
  if (declaration === undefined) {
    const place = isMap(written[option.name]) ? [...path, 'choice'] : path;
    return [finding(place, `there is no choice "${choice}"`, suggestName(choice, known))];
  }
  const missing = requiredValues(declaration).filter((name) => !Object.hasOwn(values, name));
  if (!isMap(written[option.name]) && missing.length > 0)
    return [finding(path, `the choice "${choice}" needs ${quoteAll(missing)}`, `write { choice: ${choice}, ${missing[0]}: … }`)];
  return checkValue(values, valuesSchema(declaration)).findings.map((inner) => ({ ...inner, path: [...path, ...inner.path] }));
}

function readOption(
  option: PlatformOption,
  written: WrittenOptions,
): Omit<ResolvedOption, 'fixed'> & { readonly secrets: readonly OptionSecret[] } {
  const choice = choiceOf(option, written);
  const declaration = choice === undefined ? undefined : option.choices[choice];
  const { value } = declaration === undefined ? {} : checkValue(splitOption(option, written).values, valuesSchema(declaration));
  if (choice === undefined || declaration === undefined || value === undefined)
    throw new Error(`option ${option.name} passed the checks without a choice`);
  const isSecret = (name: string): boolean => {
    const declared = declaration.values[name];
    return declared !== undefined && isSecretValue(declared);
  };
  const entries = Object.entries(value);
  return {
    choice,
    values: Object.fromEntries(entries.filter(([name]) => !isSecret(name))),
    secrets: entries
      .filter(([name]) => isSecret(name))
      .map(([name, path]) => ({ name: secretName(option.name, name), path: String(path) })),
  };
}

function valuesSchema({ values }: PlatformChoice): z.ZodType<Record<string, OptionValue>> {
  return z.strictObject(
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        const field = valueField(value);
        return [name, value.default === undefined ? field : field.default(value.default)];
      }),
    ),
  );
}

/** Splits an option of cluster.yaml into its choice and its values. A text is a choice without values. */
function splitOption(
  { name }: PlatformOption,
  written: WrittenOptions,
): { readonly choice?: unknown; readonly values: Readonly<Record<string, unknown>> } {
  const value = Object.hasOwn(written, name) ? written[name] : undefined;
  if (!isMap(value)) return { choice: value, values: {} };
  const { choice = null, ...values } = value;
  return { choice, values };
}

/** True for a value that is a map of a YAML document. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function quoteAll(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

function finding(path: Finding['path'], reason: string, remedy?: string, key?: boolean): Finding {
  return { path, reason, ...(remedy === undefined ? {} : { remedy }), ...(key === undefined ? {} : { key }) };
}
