import * as z from 'zod';
import {
  aptLockedSystemSchema,
  aptRepositorySchema,
  aptSystemFields,
  type AptBundleRepository,
  type AptLockedSystem,
  type AptSystem,
} from './apt/documents.ts';
import {
  rpmLockedSystemSchema,
  rpmRepositorySchema,
  rpmSystemFields,
  type RpmBundleRepository,
  type RpmLockedSystem,
  type RpmSystem,
} from './rpm/documents.ts';

/**
 * The parts of documents about packages: one branch for each format. A format is added to each union here, to the
 * schemas below them, and to the table in formats.ts.
 */

/** The part of an OperatingSystem manifest that depends on the format; `packages` names it. */
export type SystemPackages = AptSystem | RpmSystem;

/** One schema for each format, of the fields that all have in common and its own. */
export function systemSchemas<Common extends z.core.$ZodShape>(common: Common) {
  return [z.strictObject({ ...common, ...aptSystemFields }), z.strictObject({ ...common, ...rpmSystemFields })] as const;
}

/** The packages of one operating system for one architecture in bundle.lock.json; without `format` it is of the first one. */
export type LockedSystem = AptLockedSystem | RpmLockedSystem;
export type LockedPackage = LockedSystem['packages'][number];
export const lockedSystemSchema = z.discriminatedUnion('format', [aptLockedSystemSchema, rpmLockedSystemSchema]);

/** A package repository in bundle.json; `type` names the format, and `path` is the repository's root in the bundle. */
export type PackageRepository = AptBundleRepository | RpmBundleRepository;
export const repositorySchema = z.discriminatedUnion('type', [aptRepositorySchema, rpmRepositorySchema]);
