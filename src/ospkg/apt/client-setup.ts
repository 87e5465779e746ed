import type { AptBundleRepository } from './documents.ts';

const KEYRINGS = '/etc/apt/keyrings';

/** Lines for a shell of root that add the repository to the sources of apt. */
export function aptClientSetup(
  { codename, components }: AptBundleRepository,
  { url, keyUrl }: { readonly url: string; readonly keyUrl: string },
): readonly string[] {
  const key = `${KEYRINGS}/caisson.asc`;
  return [
    `mkdir -p ${KEYRINGS}`,
    `curl -fsSo ${key} ${keyUrl}`,
    `echo 'deb [signed-by=${key}] ${url} ${codename} ${components.join(' ')}' \\`,
    '  > /etc/apt/sources.list.d/caisson.list',
  ];
}
