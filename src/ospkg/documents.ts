import * as z from 'zod';
import {
  aptLockedSystemSchema,
  aptRepositorySchema,
  aptSystemFields,
  type AptBundleRepository,
  type AptLockedSystem,
  type AptSystem,
} from './apt/documents.ts';

/**
 * The parts of documents about packages: one branch for each format. A format is added to each union here, to the
 * schemas below them, and to the table in formats.ts.
 */

/** The part of an OperatingSystem manifest that depends on the format; `packages` names it. */
export type SystemPackages = AptSystem;

/** One schema for each format, of the fields that all have in common and its own. */
export function systemSchemas<Common extends z.core.$ZodShape>(common: Common) {
  return [z.strictObject({ ...common, ...aptSystemFields })] as const;
}

/** The packages of one operating system for one architecture in bundle.lock.json; without `format` it is of the first one. */
export type LockedSystem = AptLockedSystem;
export type LockedPackage = LockedSystem['packages'][number];
export const lockedSystemSchema = z.union([aptLockedSystemSchema]);

/** A package repository in bundle.json; `type` names the format, and `path` is the repository's root in the bundle. */
export type PackageRepository = AptBundleRepository;
export const repositorySchema = z.discriminatedUnion('type', [aptRepositorySchema]);
