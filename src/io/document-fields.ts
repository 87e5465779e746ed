import * as z from 'zod';
import { isDigest, type Digest } from '../core/index.ts';
import { unsafeReason } from './safe-path.ts';

// A title names the type of a value for people; FIELD_TYPES of src/manifests explains each.

/** Names of our own things: hosts, roles, components, sets. One DNS label (RFC 1123), so that it may become a host name. */
export const nameField = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    'is not a name; use lower-case letters, digits and hyphens, at most 63, no hyphen at either end',
  )
  .meta({ title: 'name' });

/** A path of a file beside the document; it cannot leave its directory. */
export const siblingField = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/,
    'is not a path of a file beside this document; use letters, digits, . _ - and /',
  )
  .meta({ title: 'sibling' });

/** One line of text. */
export const lineField = z
  .string()
  .min(1)
  .max(500)
  .regex(/^\P{Cc}*$/u, 'has a control character; write one line of text')
  .meta({ title: 'line' });

/** Text of a document that programs write. */
export const textField = z.string().min(1).max(4096);

export const digestField = z.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'is not sha256: and 64 lower-case hex digits',
);

/** A number of bytes. */
export const byteCountField = z.int().nonnegative();

export const dateField = z.iso.datetime({ error: 'is not a date such as 2026-01-31T12:00:00Z' });

export const relativePathField = z
  .string()
  .refine((value) => unsafeReason(value) === undefined, 'is not a relative path that stays inside');

export const urlField = z.url({ protocol: /^https?$/, error: 'is not an http or https URL' });

/** Text that may be shown as it is; empty where nothing is known. */
export const printableField = z
  .string()
  .max(4096)
  .refine((value) => !/\p{Cc}/u.test(value), 'has a control character');
