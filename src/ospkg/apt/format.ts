import { debianArchitecture } from '../../core/index.ts';
import type { PackageFormat } from '../format.ts';
import { writeBundleRepository } from './bundle-repository.ts';
import { aptClientSetup } from './client-setup.ts';
import { compareDebVersions } from './deb-version.ts';
import { describeDeb } from './describe-deb.ts';
import { isForDebianSecurity } from './security.ts';
import { aptLockInOrder, aptRepositoryInOrder, type AptLockedPackage } from './documents.ts';
import { aptSourceIn, aptSourceOf, digestOfAptRequest, loadAptRequest } from './request.ts';
import { signBundleRepository } from './sign-repo.ts';

/** Debian and its kin: dpkg packages in repositories with Release and Packages files. */
export const aptFormat: PackageFormat = {
  name: 'apt',
  architectureOf: debianArchitecture,
  sourceOf: aptSourceOf,
  sourceIn: aptSourceIn,
  digestOf: digestOfAptRequest,
  load: loadAptRequest,
  compareVersions: compareDebVersions,
  write: writeBundleRepository,
  sign: signBundleRepository,
  clientSetup: aptClientSetup,
  textFiles: ['InRelease', 'Release', 'Packages'],
  lockInOrder: aptLockInOrder,
  repositoryInOrder: aptRepositoryInOrder,
  describe: (record: AptLockedPackage, system) => describeDeb(record, system),
  isForSecurity: isForDebianSecurity,
};
