import * as z from 'zod';
import { sortedBy, type Digest } from '../../core/index.ts';
import { boundedList, dateField, digestField, printableField, siblingField, textField } from '../../io/index.ts';
import type { LockedRelease, PackageRecord, PackageTie, RepositoryPackage } from '../package.ts';
import {
  lockedPackageFields,
  packageName,
  packagePattern,
  packageSetsField,
  repositoryPackagesField,
  repositoryPackagesInOrder,
  repositoryUrl,
  repositoryUrlField,
  tiesInOrder,
} from '../repository-fields.ts';

const wantedPackage = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9+._-]*(?:=[A-Za-z0-9._+:~^*-]+)?$/,
    'is not a package; write NAME, or NAME=VERSION, where a * in the version stands for any text',
  );

const moduleStream = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*:[A-Za-z0-9][A-Za-z0-9+._-]*$/, 'is not a stream of a module; write NAME:STREAM, such as nodejs:18');

/** Parameters by which lists of mirrors are asked for; others may be secrets. */
const MIRROR_PARAMETERS = /^\?(?:(?:repo|arch|release|country|protocol|infra|content)=[A-Za-z0-9$._-]{1,40}(?:&(?!$)|$))+$/;

const sourceUrl = repositoryUrlField((text) => {
  const query = text.indexOf('?');
  return query >= 0 && MIRROR_PARAMETERS.test(text.slice(query)) ? text.slice(0, query) : text;
});

const sourceSchema = z
  .strictObject({
    url: sourceUrl.describe(
      'Where the repository is, the directory with repodata: http, https, or file:///DIRECTORY of the machine that builds. `$basearch` stands for the architecture. A login for it is kept in the netrc file, never here: this document travels in the bundle.',
    ),
    mirrors: z
      .boolean()
      .exactOptional()
      .describe(
        'True where url is the address of a metalink or of a list of mirrors, and may have the parameters repo, arch, release, country, protocol, infra and content. The first mirror that works is taken.',
      ),
    signedBy: siblingField.describe(
      'Keyring beside this document, of the keys that sign the packages, and repomd.xml where that is signed.',
    ),
    signed: z
      .enum(['metadata', 'packages'])
      .default('metadata')
      .describe(
        'Which signatures the repository has: `metadata` where repomd.xml.asc signs its metadata too, `packages` where it signs nothing but its packages. Signatures of packages are checked either way.',
      ),
    prefer: z
      .array(packagePattern)
      .default([])
      .describe('Packages that are taken from here even where others have newer ones; * stands for any text, and ["*"] for all.'),
    moduleHotfixes: z
      .boolean()
      .exactOptional()
      .describe('True where packages of the repository may stand in for those of enabled modules, as module_hotfixes of dnf.'),
  })
  .superRefine(({ url, mirrors }, context) => {
    if (mirrors !== true && url.includes('?'))
      context.addIssue({
        code: 'custom',
        path: ['url'],
        message: 'holds parameters, as lists of mirrors have them; write `mirrors: true` beside it',
      });
  });

/** The keys of an OperatingSystem manifest whose `packages` is rpm. */
export const rpmSystemFields = {
  packages: z.literal('rpm').describe('Kind of the package manager.'),
  repositories: z.array(sourceSchema).min(1).describe('Where the packages come from; all are searched.'),
  exclude: z.array(packagePattern).default([]).describe('Packages that are never taken, from no repository; * stands for any text.'),
  modules: z
    .array(moduleStream)
    .exactOptional()
    .describe(
      'Streams of modules that are enabled, as NAME:STREAM; without one the default stream counts, where a module has one. platform:el8 leaves out what is built for other releases.',
    ),
  base: z
    .strictObject({
      packages: z.array(packageName).default([]).describe('Packages that every host has; they come along with what they need.'),
    })
    .prefault({})
    .describe('What a bare host has already. Newer versions travel, so that hosts can move to them when something needs them.'),
  packageSets: packageSetsField(wantedPackage),
};

export type RpmSystem = z.output<z.ZodObject<typeof rpmSystemFields>>;

const lockedPackage = z.strictObject({
  ...lockedPackageFields,
  element: z.string().max(8 * 1024 * 1024),
});

/** An operating system with rpm packages in bundle.lock.json. */
export const rpmLockedSystemSchema = z.strictObject({
  format: z.literal('rpm'),
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'is not a name such as rocky-9'),
  architecture: textField,
  inputs: digestField,
  releases: boundedList(z.strictObject({ url: repositoryUrl, date: dateField, digest: digestField })),
  keys: boundedList(z.string().max(1024 * 1024)),
  packages: boundedList(lockedPackage),
  /** Names that several packages provide alike, of which one was taken. Locks without such a name lack it. */
  ties: boundedList(z.strictObject({ name: textField, taken: textField, others: boundedList(textField) })).exactOptional(),
});

/** A package with the element of primary.xml that describes it. */
export interface RpmRecord extends PackageRecord {
  /** The element in our own spelling, without its location; it lists the files that packages of the lock require. */
  readonly element: string;
}

export interface RpmLockedPackage extends RpmRecord {
  readonly sets: readonly string[];
}

export interface RpmLockedSystem {
  readonly format: 'rpm';
  readonly id: string;
  /** As rpm says it: x86_64. */
  readonly architecture: string;
  readonly inputs: Digest;
  readonly releases: readonly LockedRelease[];
  /** Armored keys that sign the packages: hosts check signatures of packages with them. */
  readonly keys: readonly string[];
  readonly packages: readonly RpmLockedPackage[];
  readonly ties?: readonly PackageTie[];
}

/** The system with its keys and lists in the order of the lock, and no key besides. */
export function rpmLockInOrder({ id, architecture, inputs, releases, keys, packages, ties }: RpmLockedSystem): RpmLockedSystem {
  return {
    format: 'rpm',
    id,
    architecture,
    inputs,
    releases: sortedBy(releases, ({ url }) => url).map(({ url, date, digest }) => ({ url, date, digest })),
    keys: keys.toSorted(),
    packages: sortedBy(packages, (item) => `${item.name} ${item.architecture} ${item.version}`).map(packageInOrder),
    ...(ties === undefined ? {} : { ties: tiesInOrder(ties) }),
  };
}

function packageInOrder(item: RpmLockedPackage): RpmLockedPackage {
  const { name, version, architecture, source, repository, filename, size, digest } = item;
  return {
    ...{ name, version, architecture, source: { name: source.name, version: source.version }, repository, filename, size, digest },
    sets: item.sets.toSorted(),
    element: item.element,
  };
}

/** A repository in bundle.json. */
export const rpmRepositorySchema = z.strictObject({
  id: printableField,
  type: z.literal('rpm'),
  path: printableField,
  architectures: boundedList(printableField),
  keys: boundedList(printableField),
  packages: repositoryPackagesField,
});

export interface RpmBundleRepository {
  readonly id: string;
  readonly type: 'rpm';
  /** The directory that has repodata. */
  readonly path: string;
  readonly architectures: readonly string[];
  /** Paths in the bundle of the armored keys that sign the packages. */
  readonly keys: readonly string[];
  readonly packages: readonly RepositoryPackage[];
}

/** The repository with its keys and lists in the order of bundle.json, and no key besides. */
export function rpmRepositoryInOrder(repository: RpmBundleRepository): RpmBundleRepository {
  return {
    id: repository.id,
    type: repository.type,
    path: repository.path,
    architectures: [...repository.architectures],
    keys: repository.keys.toSorted(),
    packages: repositoryPackagesInOrder(repository.packages),
  };
}
