import * as z from 'zod';
import { sortedBy, type Digest } from '../../core/index.ts';
import { boundedList, dateField, digestField, lineField, nameField, printableField, siblingField, textField } from '../../io/index.ts';
import {
  lockedPackageFields,
  packageName,
  packagePattern,
  packageSetsField,
  repositoryPackagesField,
  repositoryPackagesInOrder,
  repositoryUrl,
  tiesInOrder,
} from '../repository-fields.ts';
import type { LockedRelease, PackageTie, RepositoryPackage } from '../package.ts';
import type { AptRecord } from './apt-record.ts';

const wantedPackage = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9+._-]*(?:=[A-Za-z0-9.+:~*-]+)?$/,
    'is not a package; write NAME, or NAME=VERSION, where a * in the version stands for any text',
  );
const sourceSchema = z
  .strictObject({
    url: repositoryUrl.describe(
      'Where the repository is: http, https, or file:///DIRECTORY of the machine that builds. A login for it is kept in the netrc file, never here: this document travels in the bundle.',
    ),
    suites: z
      .array(
        lineField.refine(
          isSuite,
          'is not a suite; write its name, or for a directory with its own Packages file its path below url and a slash',
        ),
      )
      .min(1)
      .describe(
        'Suites that are merged, such as bookworm and bookworm-updates. A name that ends in a slash is a directory below url with its own Packages file, as in `deb URL ./`.',
      ),
    components: z
      .array(lineField)
      .min(1)
      .optional()
      .describe('Parts of the suites; main where nothing is said. Suites that are directories have none.'),
    signedBy: siblingField.describe('Keyring beside this document that must have signed it.'),
    prefer: z
      .array(packagePattern)
      .default([])
      .describe('Packages that are taken from here even where others have newer ones; * stands for any text, and ["*"] for all.'),
  })
  .refine(({ suites, components }) => components === undefined || !suites.every((suite) => suite.endsWith('/')), {
    path: ['components'],
    message: 'says parts of suites that are directories, which have none; take this key out',
  });

/** The keys of an OperatingSystem manifest whose `packages` is apt. */
export const aptSystemFields = {
  packages: z.literal('apt').describe('Kind of the package manager.'),
  codename: nameField.describe('Name of the release.'),
  repositories: z.array(sourceSchema).min(1).describe('Where the packages come from; all are searched.'),
  exclude: z.array(packagePattern).default([]).describe('Packages that are never taken, from no repository; * stands for any text.'),
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
  packageSets: packageSetsField(wantedPackage),
};

export type AptSystem = z.output<z.ZodObject<typeof aptSystemFields>>;

/** A paragraph of repository metadata: an empty line in it would begin another package. */
const stanza = z
  .string()
  .max(1024 * 1024)
  .refine((value) => !/\n[ \t\r]*\n/.test(value), 'is not one paragraph of repository metadata');

const lockedPackage = z.strictObject({
  ...lockedPackageFields,
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
  /** Names that several packages provide alike, of which one was taken. Locks without such a name lack it. */
  ties: boundedList(z.strictObject({ name: textField, taken: textField, others: boundedList(textField) })).exactOptional(),
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
  readonly ties?: readonly PackageTie[];
}

/** The system with its keys and lists in the order of the lock, and no key besides. */
export function aptLockInOrder({ id, architecture, codename, inputs, releases, packages, ties }: AptLockedSystem): AptLockedSystem {
  return {
    id,
    architecture,
    codename,
    inputs,
    releases: sortedBy(releases, ({ url, suite }) => `${url} ${suite}`).map(releaseInOrder),
    packages: sortedBy(packages, (item) => `${item.name} ${item.architecture} ${item.version}`).map(packageInOrder),
    ...(ties === undefined ? {} : { ties: tiesInOrder(ties) }),
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
  packages: repositoryPackagesField,
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
  return {
    id: repository.id,
    type: repository.type,
    path: repository.path,
    codename: repository.codename,
    architectures: [...repository.architectures],
    components: [...repository.components],
    packages: repositoryPackagesInOrder(repository.packages),
  };
}

/** A directory stays below the address of the repository. */
function isSuite(text: string): boolean {
  return !text.split('/').includes('..') && !/[\s?#%\\]/.test(text) && (text.endsWith('/') || !text.startsWith('.'));
}
