import { runChecked, shellScript } from '../../../host/index.ts';
import { generateRepositoryKey, packageFormat } from '../../../ospkg/index.ts';
import type { SimulationRequest, Simulator } from '../package-manager.ts';
import { simulationArchive } from '../simulation-archive.ts';
import { judgeSimulation } from './judge-simulation.ts';
import { parseSimulation } from './parse-simulation.ts';
import { formatSettings, isolatedSettings, sourceLine } from './settings.ts';

const INDEX_LIMIT = 64 * 1024 * 1024;
/** The shell of the host puts the path of its temporary directory here. */
const DIRECTORY = '$directory';
const REPOSITORY = 'repository';
const KEY = 'key.asc';

const SETTINGS: Readonly<Record<string, string>> = {
  ...isolatedSettings({ sources: `${DIRECTORY}/sources.list`, lists: `${DIRECTORY}/lists` }),
  'Dir::Cache': `${DIRECTORY}/cache`,
  'Dir::State::status': '$status',
  'APT::Sandbox::User': 'root',
};

/**
 * Parameters: line of the source; file and directory of the database of installed packages; names of packages to install,
 * without and with what they recommend, each list as one word. Input: a tar.gz of a signed repository and its key. Prints what
 * apt-get would do, and the installed packages, in sections that begin with `@@ NAME`. Everything that it writes lies in a
 * temporary directory, which it removes.
 */
export const SIMULATION_SCRIPT = `set -efu
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
status=$2
database=$3
directory=$(mktemp -d)
trap 'rm -rf -- "$directory"' EXIT
trap 'exit 1' HUP INT TERM
tar -xzf - -C "$directory"
mkdir -p "$directory/lists/partial" "$directory/cache/archives/partial"
printf '%s\\n' "$1" | sed "s|@|$directory|g" > "$directory/sources.list"
export APT_CONFIG="$directory/apt.conf"
cat > "$APT_CONFIG" <<END
${formatSettings(SETTINGS)}END
apt-get --quiet update >/dev/null
simulate() {
  [ $# -gt 1 ] || return 0
  echo '@@ simulation'
  apt-get --quiet --simulate install "$@" 2>&1 || echo "@@ failed $?"
}
{
  simulate --no-install-recommends $4
  simulate --install-recommends $5
} > "$directory/said"
cat "$directory/said"
echo '@@ installed'
dpkg-query --admindir="$database" --show --showformat='\${db:Status-Want}\\t\${db:Status-Status}\\t\${Package}\\t\${Version}\\t\${Maintainer}\\n'
going=$(sed -n 's/^Remv \\([^ ]*\\) .*/\\1/p' "$directory/said" | sort -u)
if [ -n "$going" ]; then
  echo '@@ going'
  dpkg-query --admindir="$database" --show --showformat='\${Package}\\t\${Pre-Depends}, \${Depends}\\t\${Conflicts}, \${Breaks}\\n' -- $going
fi
echo '@@ end'
`;

/**
 * Prepares what hosts need to try an install before any depot serves: the metadata of the repository, signed with a key that is
 * made for this and kept nowhere. Packages are not needed, because a simulation downloads none.
 */
export async function aptSimulator({ repository, architecture, date, read }: SimulationRequest): Promise<Simulator> {
  if (repository.type !== 'apt') throw new Error(`the repository "${repository.id}" is not for apt`);
  const key = await generateRepositoryKey({ userId: 'Caisson simulation', date });
  const signed = await packageFormat('apt').sign(repository, {
    key,
    date,
    read: async (path, options) => withoutCompressed(await read(path, options)),
  });
  const root = `dists/${repository.codename}`;
  const index = `${root}/${repository.components[0] ?? ''}/binary-${architecture}/Packages`;
  const packages = await read(`${repository.path}/${index}`, { limit: INDEX_LIMIT });
  const input = await simulationArchive(
    new Map([
      [KEY, Buffer.from(key.publicKey)],
      [`${REPOSITORY}/${root}/InRelease`, Buffer.from(signed.get(`${root}/InRelease`) ?? '')],
      [`${REPOSITORY}/${index}`, packages],
    ]),
    date,
  );
  const source = sourceLine(repository, { url: `file:@/${REPOSITORY}`, key: `@/${KEY}`, architectures: [architecture] }).trimEnd();
  return async (host, wanted, signal) => {
    const names = (recommends: boolean): string =>
      wanted
        .filter((one) => one.recommends === recommends)
        .map(({ name }) => name)
        .join(' ');
    const parameters = [source, '/var/lib/dpkg/status', '/var/lib/dpkg', names(false), names(true)];
    const { stdout } = await runChecked(host, { argv: shellScript(SIMULATION_SCRIPT, parameters), input }, { signal });
    return judgeSimulation(parseSimulation(stdout));
  };
}

/** A Release without the compressed indexes: apt does not look for the plain one beside a compressed one that is listed and missing. */
function withoutCompressed(release: Buffer): Buffer {
  return Buffer.from(release.toString('utf8').replaceAll(/^ .*\/Packages\.gz\n/gm, ''));
}
