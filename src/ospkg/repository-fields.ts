import * as z from 'zod';
import { sortedBy } from '../core/index.ts';
import { boundedList, byteCountField, digestField, nameField, printableField, textField } from '../io/index.ts';
import type { PackageTie, RepositoryPackage } from './package.ts';

/** A name of a package, or a pattern of names. */
export const packagePattern = z
  .string()
  .regex(/^[A-Za-z0-9*?][A-Za-z0-9+._*?-]*$/, 'is not a package name; use letters, digits, + . _ and -, and * for any text');

export const packageName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*$/, 'is not a package name; use letters, digits, + . _ and -');

/**
 * The address of a repository. Manifests and locks travel in bundles, so a login in it would be read by everyone who has a
 * bundle; the message does not quote it.
 */
export const repositoryUrl = repositoryUrlField((text) => text);

/** As repositoryUrl, for the address that `bare` leaves: a format may allow parameters that are no secrets. */
export function repositoryUrlField(bare: (text: string) => string) {
  return z
    .string()
    .refine((text) => isRepositoryAddress(bare(text)), 'is not an address such as https://deb.example.com/debian or file:///media/cdrom')
    .refine(
      (text) => hasNoSecret(bare(text)),
      'holds a login or a query, and this document travels in the bundle; take it out, and write the login into the file that NETRC names, or into ~/.netrc: machine HOST login NAME password WORD',
    );
}

/** Repositories may have empty directory names in paths, which are part of the address. It is never a path on this machine. */
export const repositoryPath = z
  .string()
  .regex(/^(?!\/)(?!.*(?:^|\/)\.{1,2}(?:\/|$))[!-[\]-~ ]{1,4096}$/, 'is not a path under the repository');

function isRepositoryAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, host } = new URL(text);
  return protocol === 'file:' ? host === '' : ['http:', 'https:'].includes(protocol);
}

/** Signed addresses have their secret in the query. */
function hasNoSecret(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { username, password, search, hash } = new URL(text);
  return username === '' && password === '' && search === '' && hash === '';
}

/** The sets of an OperatingSystem manifest; `wanted` is one package as the format writes it. */
export function packageSetsField(wanted: z.ZodString) {
  return z
    .array(
      z.strictObject({
        name: nameField.describe('Name by which roles and components ask for the set.'),
        packages: z
          .array(wanted)
          .min(1)
          .describe('Packages, as NAME or NAME=VERSION such as nginx=1.26.*; what they depend on comes along.'),
        recommends: z
          .boolean()
          .default(false)
          .describe('True where packages that these recommend come along too, as far as they can be installed.'),
      }),
    )
    .default([])
    .describe('Packages by purpose.');
}

/** The keys of a package in a lock that all formats have. */
export const lockedPackageFields = {
  name: textField,
  version: textField,
  architecture: textField,
  source: z.strictObject({ name: textField, version: textField }),
  repository: repositoryUrl,
  filename: repositoryPath,
  size: byteCountField,
  digest: digestField,
  sets: boundedList(textField),
};

/** The packages of a repository in bundle.json. */
export const repositoryPackagesField = boundedList(
  z.strictObject({
    name: printableField,
    version: printableField,
    architecture: printableField,
    path: printableField,
    set: boundedList(printableField),
  }),
);

/** The packages with their keys and lists in the order of bundle.json, and no key besides. */
export function repositoryPackagesInOrder(packages: readonly RepositoryPackage[]): readonly RepositoryPackage[] {
  const ordered = packages.map(({ name, version, architecture, path, set }) => ({
    name,
    version,
    architecture,
    path,
    set: set.toSorted(),
  }));
  return sortedBy(ordered, ({ path }) => path);
}

/** The ties of a system in the order of the lock, and no key besides. */
export function tiesInOrder(ties: readonly PackageTie[]): readonly PackageTie[] {
  return sortedBy(ties, ({ name }) => name).map(({ name, taken, others }) => ({ name, taken, others: others.toSorted() }));
}
