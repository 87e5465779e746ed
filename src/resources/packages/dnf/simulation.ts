import { shellScript, runChecked } from '../../../host/index.ts';
import { generateRepositoryKey, packageFormat } from '../../../ospkg/index.ts';
import type { SimulationRequest, Simulator } from '../package-manager.ts';
import { simulationArchive } from '../simulation-archive.ts';
import { DNF_FUNCTION, ENVIRONMENT, iniText, mainSettings, PROTECT } from './access.ts';
import { judgeSimulation } from './judge-simulation.ts';
import { parseSimulation } from './parse-simulation.ts';

const METADATA_LIMIT = 256 * 1024 * 1024;
const REPOMD = 'repodata/repomd.xml';
/** The shell of the host puts the path of its temporary directory in the place of this. */
const HERE = '@HERE@';

const CONFIG = mainSettings(
  { sources: `${HERE}/repos`, cache: `${HERE}/cache` },
  { logdir: `${HERE}/log`, logfile: `${HERE}/log/yum.log`, persistdir: `${HERE}/state` },
);
const SOURCE = iniText('caisson', {
  name: 'Caisson',
  baseurl: `file://${HERE}/repository`,
  enabled: '1',
  gpgcheck: '1',
  repo_gpgcheck: '1',
  gpgkey: `file://${HERE}/key.asc`,
  module_hotfixes: '1',
  skip_if_unavailable: '0',
});

/**
 * Parameters: names of packages to install, without and with weak dependencies, each list as one word. Input: a tar.gz of a signed
 * repository, its key and our configuration. Prints the transactions that the tool would make, with all packages of the host
 * protected, and the installed packages, in sections that begin with `@@ NAME`. Everything that it writes lies in a temporary
 * directory, which it removes.
 */
export const RPM_SIMULATION_SCRIPT = `set -f
${DNF_FUNCTION}${PROTECT}directory=$(mktemp -d) || exit 1
trap 'rm -rf -- "$directory"' EXIT
trap 'exit 1' HUP INT TERM
tar -xzf - -C "$directory" || exit 1
for file in "$directory/dnf.conf" "$directory/repos/caisson.repo"; do sed -i "s|${HERE}|$directory|g" "$file" || exit 1; done
mkdir -p "$directory/log" "$directory/state" || exit 1
config=$directory/dnf.conf
dnf_here --assumeyes makecache >"$directory/said" 2>&1 || { cat -- "$directory/said" >&2; exit 1; }
protect "$directory/protected.conf" || exit 1
simulate() {
  [ $# -gt 1 ] || return 0
  setting=$1; shift
  echo '@@ simulation'
  dnf_here --assumeno --setopt=install_weak_deps="$setting" install "$@" 2>&1 || echo "@@ failed $?"
}
simulate 0 $1
simulate 1 $2
echo '@@ installed'
rpm --query --all --queryformat='%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{VENDOR}\n'
echo '@@ end'
`;

/**
 * Prepares what hosts need to try an install before any depot serves: the metadata of the repository, signed with a key that is made
 * for this and kept nowhere. Packages are not needed, because the tool is answered with no before it downloads one.
 */
export async function rpmSimulator({ repository, date, read }: SimulationRequest): Promise<Simulator> {
  const key = await generateRepositoryKey({ userId: 'Caisson simulation', date });
  const signed = await packageFormat('rpm').sign(repository, { key, date, read });
  const repomd = await read(`${repository.path}/${REPOMD}`, { limit: METADATA_LIMIT });
  const files = new Map<string, Uint8Array>([
    ['dnf.conf', Buffer.from(CONFIG)],
    ['repos/caisson.repo', Buffer.from(SOURCE)],
    ['key.asc', Buffer.from(key.publicKey)],
    [`repository/${REPOMD}`, repomd],
    ...[...signed].map(([path, content]): [string, Uint8Array] => [`repository/${path}`, content]),
  ]);
  for (const [, path = ''] of repomd.toString('utf8').matchAll(/<location href="([^"<>]+)"/g)) {
    files.set(`repository/${path}`, await read(`${repository.path}/${path}`, { limit: METADATA_LIMIT }));
  }
  const input = await simulationArchive(files, date);
  return async (host, wanted, signal) => {
    const names = (recommends: boolean): string =>
      wanted
        .filter((one) => one.recommends === recommends)
        .map(({ name }) => name)
        .join(' ');
    const argv = shellScript(RPM_SIMULATION_SCRIPT, [names(false), names(true)]);
    const { stdout } = await runChecked(host, { argv, env: ENVIRONMENT, input }, { signal });
    return judgeSimulation(parseSimulation(stdout));
  };
}
