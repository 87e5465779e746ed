import { hexOf } from '../../../core/index.ts';
import { runChecked, shellScript } from '../../../host/index.ts';
import { compareDebVersions } from '../../../ospkg/index.ts';
import { DEFAULT_OWNER, PLACE_SCRIPT } from '../../paths.ts';
import { aptAccess, aptDownload, aptGet, LISTS, NOTE } from './access.ts';
import { architectureWord } from '../architecture-word.ts';
import { noteAlong } from './along.ts';
import { recoverPackages, runPackageTool } from './tool.ts';
import { downloadName, type PackageManager, type PackageProbe } from '../package-manager.ts';
import { removeWith } from '../remove-packages.ts';
import { aptSimulator } from './simulation.ts';
import { aptRemoval } from './remove-packages.ts';
import { installedVersions } from './installed-versions.ts';

const PROBE: PackageProbe = {
  cache: '/var/cache/apt/archives',
  packageOf: `found=$(dpkg -S "$1" 2>/dev/null) && echo "\${found%%:*}"`,
  broken: `dpkg-query --show --showformat='\${db:Status-Eflag} \${db:Status-Status} \${Package}\\n' 2>/dev/null |
  sed -n -e 's/^ok \\(half-installed\\|unpacked\\|half-configured\\) /broken /p' -e 's/^reinstreq [^ ]* /broken /p'
`,
  mend: 'dpkg --configure --pending; apt-get --fix-broken install',
  list: 'dpkg-query --show',
};

/** The package manager of Debian and Ubuntu: apt and dpkg, with the depot as the only package source. */
export const aptManager: PackageManager = {
  probe: PROBE,
  note: NOTE,
  architectures: (cpu) => ['all', architectureWord('apt', cpu)],
  access: aptAccess,
  simulator: aptSimulator,
  refresh: async (host, _access, options) => {
    await runPackageTool(host, aptGet('update', '-o', 'APT::Update::Error-Mode=any'), options);
  },
  forget: async (host, { signal }) => {
    await runChecked(host, { argv: ['rm', '-rf', '--', LISTS] }, { signal });
  },
  installed: installedVersions,
  isAtLeast: (version, wanted) => compareDebVersions(version, wanted) >= 0,
  recover: recoverPackages,
  install: async (host, names, { recommends, ...options }) => {
    const words = ['install', '--no-remove', recommends ? '--install-recommends' : '--no-install-recommends', ...names];
    await noteAlong(host, words, options);
    await runPackageTool(host, aptGet(...words), options);
  },
  remove: (host, names, options) => removeWith(aptRemoval(host, options), host, names, options),
  download: async (host, { url, path, digest, mode, owner = DEFAULT_OWNER }, signal) => {
    const temporary = downloadName(path);
    await runChecked(host, { argv: shellScript('mkdir -p -- "${1%/*}"; rm -f -- "$1"', [temporary]) }, { signal });
    await runChecked(host, aptDownload(url, temporary, digest === undefined ? undefined : hexOf(digest)), { signal });
    await runChecked(host, { argv: shellScript(PLACE_SCRIPT, [temporary, owner, mode.toString(8), path]) }, { signal });
  },
};
