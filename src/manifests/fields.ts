import ipaddr from 'ipaddr.js';
import * as z from 'zod';
import { CaissonError, parseSize } from '../core/index.ts';
import { formatReference, parseReference } from '../oci/index.ts';

export { lineField, nameField, siblingField } from '../io/index.ts';

/** The only version of the document format. */
const API_VERSION = 'caisson/v1';

/** Schemas of the two keys that every document starts with. */
export function documentHead<K extends string>(kind: K) {
  return {
    apiVersion: z.literal(API_VERSION).describe('Version of the format.'),
    kind: z.literal(kind).describe('Kind of the document.'),
  };
}

/**
 * Types of values that have a name: the `title` of a schema, explained here for docs/manifest-reference.md. A key's own
 * description says what the value is for.
 */
export const FIELD_TYPES = {
  name: 'Lower-case letters, digits and hyphens, at most 63, no hyphen at either end (one DNS label).',
  'DNS name': 'Lower-case labels with dots between them, at most 253 characters.',
  identifier: 'A letter, then letters, digits, `_` and `-`, at most 63.',
  variable: 'A name of an environment variable.',
  flag: 'A flag without its `--`: lower-case letters, digits, `-` and `_`, a letter first, at most 63.',
  port: 'A number from 1 to 65535.',
  address: 'An IPv4 or IPv6 address, such as `10.0.0.11` or `fd00::11`. Names are not accepted.',
  network: 'A network in CIDR notation, such as `10.20.0.0/16`. No bit is set behind the prefix.',
  size: 'A number of bytes, or a number with a unit, such as `4GB` (decimal) or `512MiB` (binary).',
  mode: 'File permissions in quotes, such as `"0644"`: without them YAML reads the number 644.',
  owner: '`user:group`, by name or by number.',
  path: 'An absolute path, or one that begins with a placeholder, such as `${var.root}/data`. No `..`.',
  sibling: 'A path of a file beside the document. It cannot leave the directory of the document.',
  line: 'One line of text, at most 500 characters.',
  image:
    'An image by name and tag, in any spelling that clients take: a short name is of the default registry, without a tag it is `latest`. No digest.',
  template: 'Text in which placeholders such as `${node.address}` are filled in.',
  user: 'A login name.',
  choice: 'A choice of an option of the platform: `CHOICE`, or `{ choice: CHOICE, VALUE: … }` where it has values.',
  fingerprint: 'What `ssh-keygen -l` prints of a key: `SHA256:` and 43 characters.',
} as const;

/** Metadata that gives a schema the title of a named type. */
export function fieldType(title: keyof typeof FIELD_TYPES): { readonly title: string } {
  return { title };
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const DNS_PATTERN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/** A DNS name in lower case. */
export const dnsNameField = z
  .string()
  .max(253)
  .regex(DNS_PATTERN, 'is not a DNS name; use lower-case labels with dots between them')
  .meta(fieldType('DNS name'));

/** A name inside a document that templates refer to, such as a variable. */
export const identifierField = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, 'is not an identifier; begin with a letter, use letters, digits, _ and -')
  .meta(fieldType('identifier'));

export const portField = z.int().min(1).max(65535).meta(fieldType('port'));

const ADDRESS_REMEDY = 'write it as 10.0.0.11 or fd00::11';

/** A literal IPv4 or IPv6 address. Names are refused, because no code resolves them. */
export const addressField = z.string().refine(isAddress, `is not an IP address; ${ADDRESS_REMEDY}`).meta(fieldType('address'));

/** A network in CIDR notation whose host bits are zero. */
export const cidrField = z
  .string()
  .superRefine((text, context) => {
    const problem = cidrProblem(text);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta(fieldType('network'));

/** A size such as 4GB or 512MiB; becomes bytes. */
export const sizeField = z
  .union([z.int().min(0), z.string()])
  .transform((value, context) => {
    if (typeof value === 'number') return value;
    try {
      return parseSize(value);
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      context.addIssue({ code: 'custom', message: `is not a size; ${error.hint ?? 'write it as 4GB'}` });
      return z.NEVER;
    }
  })
  .meta(fieldType('size'));

/** A NAME of images.txt in any spelling that clients take; becomes the full name, by which lists and bundles have it. */
/** The full name of an image, without a digest; undefined for a text that is no reference of one. */
export function imageNameOf(text: string): string | undefined {
  try {
    const { digest: _digest, ...name } = parseReference(text);
    return formatReference(name);
  } catch (error) {
    if (error instanceof CaissonError) return undefined;
    throw error;
  }
}

export const imageField = z
  .string()
  .transform((text, context) => {
    const refuse = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    if (text.includes('${')) return refuse('has a placeholder; write the image that it stands for');
    try {
      const { digest, ...name } = parseReference(text);
      return digest === undefined ? formatReference(name) : refuse('has a digest; write NAME:TAG, the lock pins the digest');
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      return refuse(error.hint === undefined ? error.message : `${error.message}; ${error.hint}`);
    }
  })
  .meta(fieldType('image'));

/** Permissions as text, because YAML reads 0644 as the number 644. */
export const modeField = z
  .string()
  .regex(/^0?[0-7]{3}$/, 'is not a file mode; write it as "0644"')
  .meta(fieldType('mode'));

/** user:group, by name or number. */
export const ownerField = z
  .string()
  .regex(/^[a-z_0-9][a-z0-9_-]*:[a-z_0-9][a-z0-9_-]*$/, 'is not an owner; write it as "user:group", by name or by number')
  .meta(fieldType('owner'));

/** An absolute path that may begin with a placeholder, such as ${var.root}/data. */
export const pathField = z
  .string()
  .regex(/^(?:\/|\$\{[^}]+\})/, 'is not an absolute path; begin it with / or a ${placeholder}')
  .refine((path) => !path.split('/').includes('..'), 'has a ".." component; write the path out')
  .meta(fieldType('path'));

export function isDnsName(text: string): boolean {
  return text.length <= 253 && DNS_PATTERN.test(text);
}

export function isAddress(text: string): boolean {
  // ipaddr.isValid('10.1') is true, so IPv4 needs all four parts. A zone id is valid on one machine only, so it is
  // refused.
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text));
}

function cidrProblem(text: string): string | undefined {
  const [address = '', prefix = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(prefix) || !isAddress(address)) return 'is not a network; write it as 10.20.0.0/16';
  const parsed = ipaddr.parse(address);
  const bits = parsed.kind() === 'ipv4' ? 32 : 128;
  if (Number(prefix) > bits) return `is not a network; the prefix length is at most ${bits}`;
  const first = networkOf(text);
  return first === parsed.toString() ? undefined : `is not a network; bits are set behind the prefix, write it as ${first}/${prefix}`;
}

function networkOf(cidr: string): string {
  return cidr.includes(':') ? ipaddr.IPv6.networkAddressFromCIDR(cidr).toString() : ipaddr.IPv4.networkAddressFromCIDR(cidr).toString();
}
