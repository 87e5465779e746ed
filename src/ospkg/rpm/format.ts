import type { PackageFormat } from '../format.ts';
import { rpmArchitecture } from './architecture.ts';
import { writeRpmBundleRepository } from './bundle-repository.ts';
import { rpmClientSetup } from './client-setup.ts';
import { describeRpm } from './describe-rpm.ts';
import { rpmLockInOrder, rpmRepositoryInOrder, type RpmLockedPackage } from './documents.ts';
import { digestOfRpmRequest, loadRpmRequest, rpmSourceIn, rpmSourceOf } from './request.ts';
import type { RpmPackageSource } from './package-source.ts';
import { compareRpmVersions } from './rpm-version.ts';
import { signRpmRepository } from './sign-repo.ts';

/** Red Hat and its kin: rpm packages in repositories with repodata. */
export const rpmFormat: PackageFormat = {
  name: 'rpm',
  architectureOf: rpmArchitecture,
  sourceOf: rpmSourceOf,
  sourceIn: (_repository, source: RpmPackageSource, at) => rpmSourceIn(source, at),
  digestOf: digestOfRpmRequest,
  load: loadRpmRequest,
  compareVersions: compareRpmVersions,
  write: writeRpmBundleRepository,
  sign: signRpmRepository,
  clientSetup: rpmClientSetup,
  textFiles: ['repomd.xml'],
  lockInOrder: rpmLockInOrder,
  repositoryInOrder: rpmRepositoryInOrder,
  describe: (record: RpmLockedPackage, system) => describeRpm(record, system),
  // Repositories of rpm packages mix updates for security with others; their list of advisories is not read.
  isForSecurity: () => false,
};
