import { posix } from 'node:path';
import { shellScript, type Host } from '../../../host/index.ts';
import type { PackageToolOptions } from '../package-manager.ts';
import { DNF_HERE, ENVIRONMENT, LISTS, PROTECT, PROTECTED, VENDOR_KEYS } from './access.ts';
import { LOCKED_STATUS, runRpmTool } from './tool.ts';

/** File on a host that is there while an installation of ours runs, and after one that was interrupted. */
export const INSTALLING = posix.join(LISTS, 'installing');

/**
 * Parameters: the file for the configuration that protects packages, the file that stands for a running installation, options and names of
 * packages. rpm gets the keys of the vendors before, so that the tool does not give it the key of the site, which signs no
 * package. Every package of the host is protected, so the tool refuses a transaction that would remove one, also by a
 * package that replaces it under another name. The tool would take an older version of a package for a dependency, and
 * older ones have no setting against it, so the transaction is tried first and refused when it has one.
 */
const INSTALL_SCRIPT = `${DNF_HERE}${PROTECT}protected=$1; installing=$2; shift 2
for key in ${VENDOR_KEYS}; do [ ! -e "$key" ] || rpm --import "$key"; done
protect "$protected" || exit 1
tried=$(dnf_here --assumeno install "$@" 2>&1)
[ $? -ne ${LOCKED_STATUS} ] || { printf '%s\\n' "$tried" >&2; exit ${LOCKED_STATUS}; }
older=$(printf '%s\\n' "$tried" | sed -n '/^Downgrading/,/^$/s/^ \\([^ ][^ ]*\\).*/\\1/p')
if [ -n "$older" ]; then
  printf '%s\\n' "Error: an older version of these packages would be needed, and none is downgraded: $(echo $older)" >&2
  exit 1
fi
: > "$installing" || exit 1
dnf_here --assumeyes install "$@" || exit $?
rm -f -- "$installing"
`;

/** Installs packages with their dependencies. Throws CommandFailedError instead of removing or downgrading a package. */
export async function installPackages(
  host: Host,
  names: readonly string[],
  { recommends, ...options }: PackageToolOptions & { readonly recommends: boolean },
): Promise<void> {
  const words = [`--setopt=install_weak_deps=${recommends ? 1 : 0}`, ...names];
  await runRpmTool(host, { argv: shellScript(INSTALL_SCRIPT, [PROTECTED, INSTALLING, ...words]), env: ENVIRONMENT }, options);
}
