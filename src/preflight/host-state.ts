import { runChecked, shellScript, type Host, type HostNameEntry } from '../host/index.ts';
import { AGENT_UNIT, DEPOT_UNIT, EXECUTABLE, HOST_NAMES_BLOCK, UNITS } from '../site/index.ts';

/** What earlier runs left on a host, and what is not ours: preflight must take neither for the other. */
export interface HostState {
  readonly agent: boolean;
  readonly depot: boolean;
  readonly executable: boolean;
  /** Components whose service definitions are there. */
  readonly components: ReadonlySet<string>;
  /** Copies of bundles on this host, complete or begun: bytes by file name. */
  readonly bundles: ReadonlyMap<string, number>;
  /** Lines of /etc/hosts outside our block. */
  readonly hostNames: readonly HostNameEntry[];
  /** True when the container engine runs and does not answer. */
  readonly engineFrozen: boolean;
  /** What was there before us; undefined on a host that has our agent. */
  readonly strangers: Strangers | undefined;
}

/** Software that somebody else put on the host. */
export interface Strangers {
  /** The package that the container engine is of; `none` for one that no package brought, undefined without engine. */
  readonly enginePackage: string | undefined;
  /** Names of the containers that run. */
  readonly containers: readonly string[];
  /** Packages that dpkg began to install or remove and did not finish. */
  readonly brokenPackages: readonly string[];
}

/** An engine that runs answers at once; one that was stopped by a signal or by its disk never does. */
export const ENGINE_SECONDS = 10;

/** Parameters: directory of service definitions, of units, of bundles; units of agent and depot; executable; our block of /etc/hosts. */
export const HOST_STATE_SCRIPT = `export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
for unit in "$2/$4" "$2/$5"; do [ ! -e "$unit" ] || echo "unit \${unit##*/}"; done
[ ! -x "$6" ] || echo executable
for file in "$1"/*.yaml; do [ ! -e "$file" ] || echo "definition \${file##*/}"; done
for file in "$3"/*; do [ ! -f "$file" ] || stat --printf='bundle %s %n\\n' -- "$file"; done
[ ! -r /etc/hosts ] || sed -e "/^# BEGIN $7\\$/,/^# END $7\\$/d" -e 's/#.*//' -e 's/^/hosts /' /etc/hosts
if command -v docker >/dev/null && systemctl is-active --quiet docker; then
  timeout --kill-after=1 ${ENGINE_SECONDS} docker ps --format 'container {{.Names}}' 2>/dev/null
  case $? in 124|137) echo 'engine-frozen' ;; esac
fi
if [ ! -e "$2/$4" ]; then
  echo strangers
  engine=$(command -v dockerd) && {
    package=$(dpkg -S "$engine" 2>/dev/null) || package=none
    echo "engine \${package%%:*}"
  }
  dpkg-query --show --showformat='\${db:Status-Eflag} \${db:Status-Status} \${Package}\\n' 2>/dev/null |
    sed -n -e 's/^ok \\(half-installed\\|unpacked\\|half-configured\\) /broken /p' -e 's/^reinstreq [^ ]* /broken /p'
fi
exit 0
`;

export interface HostPlaces {
  /** Directory of service definitions. */
  readonly definitions: string;
  /** Directory where the seed keeps bundles. */
  readonly bundles: string;
}

/** Looks at a host and changes nothing. */
export async function readHostState(host: Host, { definitions, bundles }: HostPlaces, signal: AbortSignal): Promise<HostState> {
  const parameters = [definitions, UNITS, bundles, AGENT_UNIT, DEPOT_UNIT, EXECUTABLE, HOST_NAMES_BLOCK];
  const { stdout } = await runChecked(host, { argv: shellScript(HOST_STATE_SCRIPT, parameters) }, { signal });
  return parseHostState(stdout);
}

/** Reads what the script prints: a word that says what, and the rest. */
export function parseHostState(output: string): HostState {
  const lines = output.split('\n').map((line): [string, string] => {
    const space = line.indexOf(' ');
    return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
  });
  const all = (what: string): readonly string[] => lines.flatMap(([word, rest]) => (word === what ? [rest] : []));
  return {
    agent: all('unit').includes(AGENT_UNIT),
    depot: all('unit').includes(DEPOT_UNIT),
    executable: all('executable').length > 0,
    components: new Set(all('definition').map((name) => name.replace(/\.yaml$/, ''))),
    bundles: new Map(
      all('bundle').flatMap((line): [string, number][] => {
        const [, size, name] = /^(\d+) (?:.*\/)?([^/]+)$/.exec(line) ?? [];
        return size === undefined || name === undefined ? [] : [[name, Number(size)]];
      }),
    ),
    hostNames: all('hosts').flatMap((line) => {
      const [address, ...names] = line.trim().split(/\s+/);
      return address === undefined || address === '' ? [] : [{ address, names }];
    }),
    engineFrozen: all('engine-frozen').length > 0,
    strangers:
      all('strangers').length === 0
        ? undefined
        : { enginePackage: all('engine')[0], containers: all('container'), brokenPackages: all('broken') },
  };
}
