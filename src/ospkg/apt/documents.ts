import * as z from 'zod';
import { sortedBy, type Digest } from '../../core/index.ts';
import {
  boundedList,
  byteCountField,
  dateField,
  digestField,
  lineField,
  nameField,
  printableField,
  relativePathField,
  siblingField,
  textField,
} from '../../io/index.ts';
import type { LockedRelease, RepositoryPackage } from '../package.ts';
import type { AptRecord } from './apt-record.ts';

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]*$/, 'is not a package name; use lower-case letters, digits, + . and -');

/**
 * The address of a repository. Manifests and locks travel in bundles, so a login in it would be read by everyone who has a
 * bundle; the message does not quote it.
 */
const repositoryUrl = z
  .string()
  .refine(isRepositoryAddress, 'is not an address such as https://deb.example.com/debian or file:///media/cdrom')
  .refine(
    hasNoSecret,
    'holds a login or a query, and this document travels in the bundle; take it out, and write the login into the file that NETRC names, or into ~/.netrc: machine HOST login NAME password WORD',
  );

const sourceSchema = z.strictObject({
  url: repositoryUrl.describe(
    'Where the repository is: http, https, or file:///DIRECTORY of the machine that builds. A login for it belongs into the netrc file or docker login, never in here.',
  ),
  suites: z.array(lineField).min(1).describe('Suites that are merged, such as bookworm and bookworm-updates.'),
  components: z.array(lineField).min(1).default(['main']).describe('Parts of the suites.'),
  signedBy: siblingField.describe('Keyring beside this document that must have signed it.'),
});

/** The keys of an OperatingSystem manifest whose `packages` is apt. */
export const aptSystemFields = {
  packages: z.literal('apt').describe('Kind of the package manager.'),
  codename: nameField.describe('Name of the release.'),
  repositories: z.array(sourceSchema).min(1).describe('Where the packages come from; all are searched.'),
  base: z
    .strictObject({
      priorities: z
        .array(z.enum(['required', 'important', 'standard']))
        .default(['required', 'important'])
        .describe('Priorities of packages that every host has.'),
      packages: z.array(packageName).default([]).describe('Packages that every host has besides.'),
    })
    .prefault({})
    .describe('What a bare host has already: where the closure may stop. Newer versions travel when something needs them.'),
  packageSets: z
    .array(
      z.strictObject({
        name: nameField.describe('Name by which roles and components ask for the set.'),
        packages: z.array(packageName).min(1).describe('Packages; what they depend on comes along.'),
      }),
    )
    .default([])
    .describe('Packages by purpose.'),
};

export type AptSystem = z.output<z.ZodObject<typeof aptSystemFields>>;

/** A paragraph of repository metadata: an empty line in it would begin another package. */
const stanza = z
  .string()
  .max(1024 * 1024)
  .refine((value) => !/\n[ \t\r]*\n/.test(value), 'is not one paragraph of repository metadata');

const lockedPackage = z.strictObject({
  name: textField,
  version: textField,
  architecture: textField,
  source: z.strictObject({ name: textField, version: textField }),
  repository: repositoryUrl,
  filename: relativePathField,
  size: byteCountField,
  digest: digestField,
  sets: boundedList(textField),
  stanza,
});

/** An operating system in bundle.lock.json. Locks older than the key `format` lack it, and none is written. */
export const aptLockedSystemSchema = z.strictObject({
  format: z.literal('apt').exactOptional(),
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'is not a name such as debian-12'),
  architecture: textField,
  codename: textField,
  inputs: digestField,
  releases: boundedList(
    z.strictObject({ url: repositoryUrl, suite: textField, codename: textField, date: dateField, digest: digestField }),
  ),
  packages: boundedList(lockedPackage),
});

/** The state of one suite when it was read. */
export interface AptRelease extends LockedRelease {
  readonly suite: string;
  readonly codename: string;
}

export interface AptLockedPackage extends AptRecord {
  readonly sets: readonly string[];
}

export interface AptLockedSystem {
  readonly format?: 'apt';
  readonly id: string;
  readonly architecture: string;
  readonly codename: string;
  readonly inputs: Digest;
  readonly releases: readonly AptRelease[];
  readonly packages: readonly AptLockedPackage[];
}

/** The system with its keys and lists in the order of the lock, and no key besides. */
export function aptLockInOrder({ id, architecture, codename, inputs, releases, packages }: AptLockedSystem): AptLockedSystem {
  return {
    id,
    architecture,
    codename,
    inputs,
    releases: sortedBy(releases, ({ url, suite }) => `${url} ${suite}`).map(releaseInOrder),
    packages: sortedBy(packages, (item) => `${item.name} ${item.architecture} ${item.version}`).map(packageInOrder),
  };
}

function releaseInOrder({ url, suite, codename, date, digest }: AptRelease): AptRelease {
  return { url, suite, codename, date, digest };
}

function packageInOrder(item: AptLockedPackage): AptLockedPackage {
  const { name, version, architecture, source, repository, filename, size, digest } = item;
  return {
    ...{ name, version, architecture, source: { name: source.name, version: source.version }, repository, filename, size, digest },
    sets: item.sets.toSorted(),
    stanza: item.stanza,
  };
}

/** A repository in bundle.json. */
export const aptRepositorySchema = z.strictObject({
  id: printableField,
  type: z.literal('apt'),
  path: printableField,
  codename: printableField,
  architectures: boundedList(printableField),
  components: boundedList(printableField),
  packages: boundedList(
    z.strictObject({
      name: printableField,
      version: printableField,
      architecture: printableField,
      path: printableField,
      set: boundedList(printableField),
    }),
  ),
});

export interface AptBundleRepository {
  readonly id: string;
  readonly type: 'apt';
  readonly path: string;
  readonly codename: string;
  readonly architectures: readonly string[];
  readonly components: readonly string[];
  readonly packages: readonly RepositoryPackage[];
}

/** The repository with its keys and lists in the order of bundle.json, and no key besides. */
export function aptRepositoryInOrder(repository: AptBundleRepository): AptBundleRepository {
  const packages = repository.packages.map(({ name, version, architecture, path, set }) => {
    return { name, version, architecture, path, set: set.toSorted() };
  });
  return {
    id: repository.id,
    type: repository.type,
    path: repository.path,
    codename: repository.codename,
    architectures: [...repository.architectures],
    components: [...repository.components],
    packages: sortedBy(packages, ({ path }) => path),
  };
}

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
