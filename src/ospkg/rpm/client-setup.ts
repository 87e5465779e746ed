import type { RpmBundleRepository } from './documents.ts';

/**
 * Lines for a shell of root that add the repository to the sources of dnf or yum. The site's key signs the metadata, the keys of
 * the packages' vendors, which the repository carries, sign the packages; both are checked.
 */
export function rpmClientSetup(
  { id, path, keys }: RpmBundleRepository,
  { url, keyUrl }: { readonly url: string; readonly keyUrl: string },
): readonly string[] {
  const addresses = [keyUrl, ...keys.map((key) => `${url}${key.slice(path.length)}`)];
  return [
    "cat > /etc/yum.repos.d/caisson.repo <<'END'",
    `[caisson-${id}]`,
    `name=Caisson ${id}`,
    `baseurl=${url}`,
    'enabled=1',
    'gpgcheck=1',
    'repo_gpgcheck=1',
    `gpgkey=${addresses.join(' ')}`,
    'module_hotfixes=1',
    'skip_if_unavailable=0',
    'END',
  ];
}
