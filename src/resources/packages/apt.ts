import { hexOf } from '../../core/index.ts';
import { runChecked, shellScript, type Command, type Host } from '../../host/index.ts';
import { compareDebVersions } from '../../ospkg/index.ts';
import { APT_LISTS } from '../../site/index.ts';
import { aptAccess, aptDownload, aptGet } from './apt-access.ts';
import { recoverPackages, runPackageTool } from './apt-tool.ts';
import type { PackageManager, PackageToolOptions } from './package-manager.ts';

/** Parameters: a file, mode, the name that it gets. */
export const NAME_SCRIPT = 'set -eu; chown -- root:root "$1"; chmod -- "$2" "$1"; sync -- "$1"; mv -fT -- "$1" "$3"';

/** apt and dpkg, against the depot alone. */
export const aptManager: PackageManager = {
  access: aptAccess,
  refresh: async (host, _access, options) => {
    await runPackageTool(host, aptGet('update', '-o', 'APT::Update::Error-Mode=any'), options);
  },
  forget: async (host, { signal }) => {
    await runChecked(host, { argv: ['rm', '-rf', '--', APT_LISTS] }, { signal });
  },
  installed: installedVersions,
  isAtLeast: (version, wanted) => compareDebVersions(version, wanted) >= 0,
  recover: (host, options) => recoverPackages(host, aptGet('install', '--fix-broken', '--no-remove', '--no-install-recommends'), options),
  install: async (host, names, options) => {
    await runPackageTool(host, aptGet('install', '--no-remove', '--no-install-recommends', ...names), options);
  },
  remove: removePackages,
  download: async (host, { url, path, digest, mode }, signal) => {
    const temporary = `${path}.caisson-new`;
    await runChecked(host, { argv: shellScript('mkdir -p -- "${1%/*}"; rm -f -- "$1"', [temporary]) }, { signal });
    await runChecked(host, aptDownload(url, temporary, hexOf(digest)), { signal });
    await runChecked(host, { argv: shellScript(NAME_SCRIPT, [temporary, mode.toString(8), path]) }, { signal });
  },
};

async function installedVersions(host: Host, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const format = '${db:Status-Status} ${db:Status-Eflag}\\t${Package}\\t${Version}\\n';
  // It fails when it does not know one of them, and tells of the others all the same.
  const { stdout } = await host.run({ argv: ['dpkg-query', '--show', `--showformat=${format}`, '--', ...names] }, { signal });
  return new Map(
    stdout.split('\n').flatMap((line): [string, string][] => {
      const [status, name, version] = line.split('\t');
      return status === 'installed ok' && name !== undefined && version !== undefined ? [[name, version]] : [];
    }),
  );
}

/** What nothing needed before is not ours to remove: only what becomes needless by this removal goes along. */
async function removePackages(
  host: Host,
  names: readonly string[],
  options: PackageToolOptions & { readonly purge: boolean },
): Promise<void> {
  const present = [...(await installedVersions(host, names, options.signal)).keys()];
  if (present.length === 0) return;
  await recoverPackages(host, aptGet('install', '--fix-broken', '--no-remove', '--no-install-recommends'), options);
  const remove = (packages: readonly string[]): Command => aptGet(options.purge ? 'purge' : 'remove', ...packages);
  const before = await needless(host, options);
  await runPackageTool(host, remove(present), options);
  const after = (await needless(host, options)).filter((name) => !before.includes(name));
  if (after.length > 0) await runPackageTool(host, remove(after), options);
}

/** Packages that were installed for others and that nothing needs any more, as apt would remove them. */
async function needless(host: Host, options: PackageToolOptions): Promise<readonly string[]> {
  const { stdout } = await runPackageTool(host, aptGet('autoremove', '--simulate'), options);
  return stdout.split('\n').flatMap((line) => /^(?:Remv|Purg) (\S+)/.exec(line)?.[1] ?? []);
}
