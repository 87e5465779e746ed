import { runChecked, shellScript, type Host, type HostNameEntry } from '../host/index.ts';
import { AGENT_UNIT, DEPOT_UNIT, EXECUTABLE, HOST_NAMES_BLOCK, UNITS } from '../site/index.ts';

/**
 * State of a host before a run: things that earlier runs made, and things that others made. Preflight must not confuse
 * the two.
 */
export interface HostState {
  readonly agent: boolean;
  readonly depot: boolean;
  readonly executable: boolean;
  /** Components whose service definitions are on the host. */
  readonly components: ReadonlySet<string>;
  /** Copies of bundles on the host, complete or partial: bytes by file name. */
  readonly bundles: ReadonlyMap<string, number>;
  /** Lines of /etc/hosts outside the block that Caisson writes. */
  readonly hostNames: readonly HostNameEntry[];
  /** True when the unit of the container engine is active and the engine does not answer. */
  readonly engineFrozen: boolean;
  /** Foreign software; undefined on a host that has our agent. */
  readonly strangers: Strangers | undefined;
}

/** Software on a host that Caisson did not install. */
export interface Strangers {
  /** Package that installed the container engine: `none` when no package did, undefined when there is no engine. */
  readonly enginePackage: string | undefined;
  /** Names of the running containers. */
  readonly containers: readonly string[];
  /** Packages that dpkg began to install or remove and did not finish. */
  readonly brokenPackages: readonly string[];
}

/**
 * Seconds that the container engine has for an answer. A working engine answers at once; one that is stopped by a signal
 * or waits for its disk never answers.
 */
export const ENGINE_SECONDS = 10;

/**
 * Parameters: directories of service definitions, units and bundles; units of agent and depot; path of our executable;
 * name of our block in /etc/hosts. Prints one line for each thing that it finds: a word, a space, a value.
 */
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

/** Reads the state of a host and changes nothing. Throws CommandFailedError when the script fails. */
export async function readHostState(host: Host, { definitions, bundles }: HostPlaces, signal: AbortSignal): Promise<HostState> {
  const parameters = [definitions, UNITS, bundles, AGENT_UNIT, DEPOT_UNIT, EXECUTABLE, HOST_NAMES_BLOCK];
  const { stdout } = await runChecked(host, { argv: shellScript(HOST_STATE_SCRIPT, parameters) }, { signal });
  return parseHostState(stdout);
}

/** Parses the output of HOST_STATE_SCRIPT. */
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
