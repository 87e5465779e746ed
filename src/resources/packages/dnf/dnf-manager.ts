import { hexOf } from '../../../core/index.ts';
import { runChecked, shellScript } from '../../../host/index.ts';
import { compareRpmVersions } from '../../../ospkg/index.ts';
import { DEFAULT_OWNER, PLACE_SCRIPT } from '../../paths.ts';
import { architectureWord } from '../architecture-word.ts';
import { downloadName, type PackageManager, type PackageProbe } from '../package-manager.ts';
import { removeWith } from '../remove-packages.ts';
import { AUTHORITY, CACHE, dnfAccess, DNF_HERE, ENVIRONMENT, METADATA, NOTE } from './access.ts';
import { installedVersions } from './installed-versions.ts';
import { installPackages } from './install-packages.ts';
import { recoverPackages } from './recover-packages.ts';
import { dnfRemoval } from './remove-packages.ts';
import { rpmSimulator } from './simulation.ts';
import { runRpmTool } from './tool.ts';

const PROBE: PackageProbe = {
  cache: CACHE,
  packageOf: `found=$(rpm -qf --qf '%{NAME} ' "$1" 2>/dev/null) && echo "\${found%% *}"`,
  // An interrupted transaction leaves two versions of a package; kernels and packages that say so may have several.
  broken: `rpm -qa --qf '%{NAME} %{ARCH}\\n' 2>/dev/null | sort | uniq -d | while read -r name arch; do
    case $name in kernel | kernel-* | gpg-pubkey) continue ;; esac
    rpm -q --provides "$name.$arch" 2>/dev/null | grep -q '^installonlypkg(' || echo "broken $name"
  done
`,
  mend: 'dnf remove --duplicates (with yum: package-cleanup --cleandupes)',
  list: 'rpm -qa',
};

/** Parameters: the directory of the cache, the place for a copy of the repository's list of metadata. */
const REFRESH_SCRIPT = `${DNF_HERE}rm -rf -- "$1" "$2"
mkdir -p -- "\${2%/*}" || exit 1
dnf_here --assumeyes makecache || exit $?
find "$1" -name repomd.xml -exec cp -f -- {} "$2" \\;
`;

/**
 * Parameters: address, file, file of the authority, SHA-256 in hexadecimal or nothing. No configuration of curl and no
 * proxy of the host is read.
 */
const DOWNLOAD_SCRIPT = `mkdir -p -- "\${2%/*}" && rm -f -- "$2" || exit 1
curl --disable --fail --silent --show-error --noproxy '*' --proto =https --cacert "$3" --retry 3 --output "$2" -- "$1" || exit $?
[ -z "$4" ] || [ "$(sha256sum < "$2")" = "$4  -" ] || { rm -f -- "$2"; echo "the file does not have the digest sha256:$4" >&2; exit 1; }
`;

/**
 * The package manager of Red Hat and its kin: dnf, or yum where there is no dnf, and rpm, with the depot as the only
 * package source.
 */
export const dnfManager: PackageManager = {
  probe: PROBE,
  note: NOTE,
  architectures: (cpu) => ['noarch', architectureWord('rpm', cpu)],
  access: dnfAccess,
  simulator: rpmSimulator,
  refresh: async (host, _access, options) => {
    await runRpmTool(host, { argv: shellScript(REFRESH_SCRIPT, [CACHE, METADATA]), env: ENVIRONMENT }, options);
  },
  forget: async (host, { signal }) => {
    await runChecked(host, { argv: ['rm', '-rf', '--', CACHE, METADATA] }, { signal });
  },
  installed: installedVersions,
  isAtLeast: (version, wanted) => compareRpmVersions(version, wanted) >= 0,
  recover: recoverPackages,
  install: installPackages,
  remove: (host, names, options) => removeWith(dnfRemoval(host, options), host, names, options),
  download: async (host, { url, path, digest, mode, owner = DEFAULT_OWNER }, signal) => {
    const temporary = downloadName(path);
    const parameters = [url, temporary, AUTHORITY, digest === undefined ? '' : hexOf(digest)];
    await runChecked(host, { argv: shellScript(DOWNLOAD_SCRIPT, parameters), env: ENVIRONMENT }, { signal });
    await runChecked(host, { argv: shellScript(PLACE_SCRIPT, [temporary, owner, mode.toString(8), path]) }, { signal });
  },
};
