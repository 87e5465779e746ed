/** The names that backups of a site get in a directory: NAME-TIME.tar.gpg, the time in UTC. */
export function backupNames(site: string): { readonly at: (time: Date) => string; readonly isBackup: (name: string) => boolean } {
  const stamp = /^\d{8}T\d{6}Z\.tar\.gpg$/;
  return {
    at: (time) => `${site}-${time.toISOString().replaceAll(/[-:]|\.\d+/g, '')}.tar.gpg`,
    isBackup: (name) => name.startsWith(`${site}-`) && stamp.test(name.slice(site.length + 1)),
  };
}
