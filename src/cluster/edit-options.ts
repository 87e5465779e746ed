import { readYaml, setYamlValue, type YamlData } from '../io/index.ts';
import type { OptionValue, PlatformOption } from '../manifests/index.ts';
import { isMap } from './options.ts';

/** A choice for an option, with the values that are given with it. */
export interface NewChoice {
  readonly option: string;
  readonly choice: string;
  readonly values: Readonly<Record<string, OptionValue>>;
}

/** Typed texts as values of the types that the choice declares. What it does not declare stays a text, for a check to report. */
export function typedValues(
  { choices }: Pick<PlatformOption, 'choices'>,
  choice: string,
  texts: Readonly<Record<string, string>>,
): NewChoice['values'] {
  const declared = Object.hasOwn(choices, choice) ? choices[choice]?.values : undefined;
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]): [string, OptionValue] => {
      const type = declared !== undefined && Object.hasOwn(declared, name) ? declared[name]?.type : undefined;
      if (type === 'hosts') return [name, text.split(',').filter((part) => part !== '')];
      return [name, type === 'port' && /^\d{1,5}$/.test(text) ? Number(text) : text];
    }),
  );
}

/**
 * Returns the text of cluster.yaml with another choice for an option. Values that the file has for the same choice stay
 * where no other is given. All other bytes stay. Whether the choice is valid is not checked here. Throws InvalidInputError
 * for a text that cannot be edited in place.
 */
export function setChoice(content: string, file: string, { option, choice, values }: NewChoice): string {
  const written = writtenOptions(content, file);
  const before = written?.[option];
  const given = Object.entries(values);
  if (choiceIn(before) === choice) {
    if (given.length === 0) return content;
    // Each value is written at its own place, so that comments beside the others stay.
    if (isMap(before)) return given.reduce((text, [name, value]) => setYamlValue(text, file, ['options', option, name], value), content);
  }
  const value: YamlData = given.length === 0 ? choice : { choice, ...values };
  if (written === undefined) return setYamlValue(content, file, ['options'], { [option]: value });
  return setYamlValue(content, file, ['options', option], value);
}

/** Returns the text of cluster.yaml with another domain of the applications. Throws as setChoice does. */
export function setDomain(content: string, file: string, domain: string): string {
  return setYamlValue(content, file, ['domain'], domain);
}

/** The options as cluster.yaml writes them; undefined when it has no map of them. */
function writtenOptions(content: string, file: string): Readonly<Record<string, unknown>> | undefined {
  const { value } = readYaml(content, file);
  const options = isMap(value) ? value['options'] : undefined;
  return isMap(options) ? options : undefined;
}

function choiceIn(written: unknown): unknown {
  return isMap(written) ? written['choice'] : written;
}
