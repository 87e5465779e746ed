import type { AptLockedPackage, AptLockedSystem } from './documents.ts';

/**
 * True for a package of a repository whose suites are all updates for security, such as bookworm-security of Debian, which has a
 * repository of its own for them. A lock does not say from which suite of a repository a package comes, so that others, such as
 * Ubuntu's, tell nothing.
 */
export function isForDebianSecurity({ repository }: AptLockedPackage, { releases }: AptLockedSystem): boolean {
  const suites = releases.filter(({ url }) => url === repository);
  return suites.length > 0 && suites.every(({ suite }) => /(?:^|[-/])security(?:\/|$)/.test(suite));
}
