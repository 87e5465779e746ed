import * as z from 'zod';
import { identifierField, isAddress, isDnsName, lineField, addressField, cidrField, portField } from './fields.ts';

/** An address or a DNS name. A name whose last label is a number is refused, because it is a mistyped address. */
const hostField = z
  .string()
  .refine(
    (text) => isAddress(text) || (isDnsName(text) && !/(?:^|\.)\d+$/.test(text)),
    'is neither an address nor a DNS name; write it as 10.0.0.5 or files.example.com',
  );

const absolutePathField = lineField
  .regex(/^\//, 'is not an absolute path; begin it with /')
  .refine((path) => !path.split('/').includes('..'), 'has a ".." component; write the path out');

/** Name of a thing outside the cluster, such as a volume of a file server. */
const outsideNameField = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is not a name; use letters, digits, . _ and -, at most 63, a letter or digit first');

const VALUE_FIELDS = {
  line: lineField,
  host: hostField,
  hosts: z.array(hostField).min(1),
  address: addressField,
  cidr: cidrField,
  port: portField,
  path: absolutePathField,
  name: outsideNameField,
  passwordFile: lineField,
} as const;

const valueSchema = z.strictObject({
  type: z
    .enum(['line', 'host', 'hosts', 'address', 'cidr', 'port', 'path', 'name', 'passwordFile'])
    .describe(
      'What is accepted. host: an address or a DNS name. hosts: a list of them. passwordFile: a file (mode 0600) whose content is a secret.',
    ),
  summary: lineField.optional().describe('What it is.'),
  oneOf: z.array(lineField).min(2).optional().describe('The only texts that are accepted; for the types line and name.'),
  default: z
    .union([z.string(), z.int(), z.array(z.string())])
    .optional()
    .describe('Taken as it stands when cluster.yaml leaves the value out. Without it, cluster.yaml must say.'),
});

const choiceSchema = z.strictObject({
  summary: lineField.describe('What the cluster is like with this choice.'),
  values: z.record(identifierField, valueSchema).default({}).describe('What the choice needs to know of the site.'),
});

/** One setting of the platform that a site chooses in cluster.yaml. */
export const optionSchema = z.strictObject({
  name: identifierField.describe('Name for options of cluster.yaml, for `when` and for ${option.NAME.choice}.'),
  summary: lineField.describe('What is chosen.'),
  default: identifierField.optional().describe('Choice when cluster.yaml leaves the option out. Without it, cluster.yaml must say.'),
  fixed: z.boolean().default(false).describe('Choice and values may not change once the cluster is installed.'),
  choices: z.record(identifierField, choiceSchema).describe('What can be chosen.'),
});

export type PlatformOption = z.output<typeof optionSchema>;
export type PlatformChoice = z.output<typeof choiceSchema>;
type ValueDeclaration = z.output<typeof valueSchema>;

/** A value as cluster.yaml or a default states it: a list for the type `hosts`, text or a number for the others. */
export type OptionValue = string | number | readonly string[];

/** Returns the schema for values of this declaration. It does not apply the default of the declaration. */
export function valueField({ type, oneOf }: ValueDeclaration): z.ZodType<OptionValue> {
  return oneOf === undefined ? VALUE_FIELDS[type] : z.enum(oneOf);
}

/**
 * True for a value that is a secret: its file is read during installation, and templates name it as
 * ${secret.OPTION-VALUE}.
 */
export function isSecretValue({ type }: ValueDeclaration): boolean {
  return type === 'passwordFile';
}

export function secretName(option: string, value: string): string {
  return `${option}-${value}`;
}

/**
 * Returns the names of the values of all choices of an option, without repeats: `open` for the scope `option`, `secret`
 * for values that are secrets.
 */
export function valueNames({ choices }: PlatformOption): { readonly open: readonly string[]; readonly secret: readonly string[] } {
  const values = Object.values(choices).flatMap((choice) => Object.entries(choice.values));
  const names = (secret: boolean): string[] => [
    ...new Set(values.filter(([, value]) => isSecretValue(value) === secret).map(([name]) => name)),
  ];
  return { open: names(false), secret: names(true) };
}

/** Returns the names of the values that have no default, so that cluster.yaml must give them. */
export function requiredValues({ values }: PlatformChoice): string[] {
  return Object.entries(values).flatMap(([name, value]) => (value.default === undefined ? [name] : []));
}
