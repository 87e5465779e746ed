import * as z from 'zod';
import { fieldType, identifierField, lineField, nameField } from './fields.ts';

/** Flags that `caisson init` has on every platform. A platform gives its own flags other names. */
export const INIT_FLAGS: readonly string[] = [
  ...['install-type', 'bundle', 'cluster', 'cluster-name', 'node', 'iip', 'role', 'address', 'depot-port'],
  ...['domain', 'pod-cidr', 'service-cidr', 'option', 'option-value'],
  ...['ssh-user', 'ssh-port', 'host-key', 'root-pass', 'root-pass-file', 'private-key'],
  ...[
    'lock',
    'manifests',
    'images',
    'files',
    'name',
    'version',
    'platform',
    'executable',
    'with-referrers',
    'mirror',
    'ca',
    'client-certificate',
  ],
  ...['allowed-signers', 'revoked', 'digest', 'unsigned', 'plan', 'yes', 'parallel', 'json', 'quiet', 'debug', 'help'],
];

const flagField = z
  .string()
  .max(63)
  .regex(/^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$/, 'is not a flag; write it without --, in lower-case letters, digits, - and _')
  .meta(fieldType('flag'));

const initFlagSchema = z.strictObject({
  option: identifierField.describe('Option that the flag is for. Its text is the choice, unless the keys below say otherwise.'),
  choice: identifierField.optional().describe('Choice that the flag makes whatever its text is. With `value`.'),
  value: identifierField.optional().describe('Value of `choice` that the text is.'),
  forms: z
    .record(identifierField, z.array(lineField).min(1))
    .optional()
    .describe(
      'How the text is read, by the choice that other flags make: `${VALUE}` stands for a value of that choice, without blanks. The first form that fits counts. A value of the type hosts may stand in a form several times.',
    ),
});

/** Schema of `init` in platform.yaml: the words of the platform for `caisson init`. */
export const initSchema = z.strictObject({
  roles: z
    .array(nameField)
    .min(1)
    .optional()
    .describe('Roles of the first node when --role is left out. Without it, --role must be given.'),
  flags: z.record(flagField, initFlagSchema).default({}).describe('Flags for options of the platform, beside --option and --option-value.'),
  instead: z
    .record(flagField, lineField)
    .default({})
    .describe('Flags that operators know from elsewhere and that are refused: what to do instead.'),
});

export type InitFlag = z.output<typeof initFlagSchema>;

const PLACEHOLDER = /\$\{([A-Za-z][A-Za-z0-9_-]*)\}/;

/** Names of the values in a form, in their order; a name that stands there twice is returned twice. */
export function valuesInForm(form: string): readonly string[] {
  return form.split(PLACEHOLDER).filter((_part, index) => index % 2 === 1);
}

/** Returns the form for people: `SERVER:PATH` for `${server}:${path}`. */
export function describeForm(form: string): string {
  return form.replaceAll(new RegExp(PLACEHOLDER, 'g'), (_mark, name: string) => name.toUpperCase());
}

/**
 * Reads a text by a form. Any blanks fit any others, and a value ends where the text behind it first stands. Returns undefined for a text
 * that does not fit; texts of a value that stands in the form several times are joined by commas.
 */
export function readByForm(form: string, text: string): Readonly<Record<string, string>> | undefined {
  const [head = '', ...parts] = oneBlank(form).split(PLACEHOLDER);
  const read: Record<string, string> = {};
  let rest = oneBlank(text);
  if (!rest.startsWith(head)) return undefined;
  rest = rest.slice(head.length);
  for (let place = 0; place < parts.length; place += 2) {
    const [name = '', behind = ''] = parts.slice(place);
    const end = behind === '' ? rest.length : rest.indexOf(behind, 1);
    const value = rest.slice(0, Math.max(end, 0));
    if (value === '' || value.includes(' ')) return undefined;
    read[name] = Object.hasOwn(read, name) ? `${read[name] ?? ''},${value}` : value;
    rest = rest.slice(end + behind.length);
  }
  return rest === '' ? read : undefined;
}

function oneBlank(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}
