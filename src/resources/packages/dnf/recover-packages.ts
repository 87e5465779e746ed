import { runChecked, shellScript, type Host } from '../../../host/index.ts';
import { compareRpmVersions } from '../../../ospkg/index.ts';
import type { PackageToolOptions } from '../package-manager.ts';
import { ENVIRONMENT } from './access.ts';
import { INSTALLING } from './install-packages.ts';
import { runRpmTool } from './tool.ts';

/**
 * Parameter: the file that stands for a running installation. Prints the packages of the host when an installation was
 * interrupted: name, architecture, version, tab-separated. Packages that may be installed in several versions are left
 * out: kernels, those that say so, and keys.
 */
const INTERRUPTED_SCRIPT = `[ -e "$1" ] || exit 0
rpm --query --all --queryformat='%{NAME} %{ARCH}\\n' | sort | uniq -d | while read -r name arch; do
  case $name in kernel | kernel-* | gpg-pubkey) continue ;; esac
  if rpm --query --provides -- "$name.$arch" | grep -q '^installonlypkg('; then continue; fi
  rpm --query --queryformat='%{NAME}\\t%{ARCH}\\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\\n' -- "$name.$arch" || exit 1
done
`;

/**
 * Ends an interrupted installation. rpm installs the new version of a package before it erases the old one, so a kill
 * between the two leaves both: the old one goes. Changes nothing on a host where no installation of ours was interrupted,
 * and leaves each package in one version. Throws CommandFailedError with the message of rpm when another package needs
 * the old version.
 */
export async function recoverPackages(host: Host, options: PackageToolOptions): Promise<void> {
  const { stdout } = await runChecked(
    host,
    { argv: shellScript(INTERRUPTED_SCRIPT, [INSTALLING]), env: ENVIRONMENT },
    { signal: options.signal },
  );
  const old = oldVersions(stdout);
  if (old.length > 0) await runRpmTool(host, { argv: ['rpm', '--erase', '--', ...old], env: ENVIRONMENT }, options);
}

/** Reads lines of name, architecture and version, and returns all but the newest of each, as rpm names them. */
function oldVersions(list: string): readonly string[] {
  const newest = new Map<string, string>();
  const old: string[] = [];
  for (const line of list.split('\n')) {
    const [name, architecture, version] = line.split('\t');
    if (name === undefined || architecture === undefined || version === undefined) continue;
    const key = `${name} ${architecture}`;
    const other = newest.get(key) ?? version;
    const [older, newer] = compareRpmVersions(other, version) < 0 ? [other, version] : [version, other];
    newest.set(key, newer);
    // rpm takes no epoch in a name.
    if (older !== newer) old.push(`${name}-${older.replace(/^\d+:/, '')}.${architecture}`);
  }
  return old;
}
