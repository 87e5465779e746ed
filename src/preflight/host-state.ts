import { runChecked, shellScript, type Host, type HostNameEntry } from '../host/index.ts';
import type { HostTools } from '../resources/index.ts';
import { AGENT_UNIT, DEPOT_UNIT, EXECUTABLE, HOST_NAMES_BLOCK, UNITS } from '../site/index.ts';

/**
 * State of a host before a run: things that earlier runs made, and things that others made. Preflight must not confuse
 * the two.
 */
export interface HostState {
  readonly agent: boolean;
  readonly depot: boolean;
  readonly executable: boolean;
  /** Programs that have the name of the platform's command and are not our link to the executable. */
  readonly namesakes: readonly string[];
  /** Components whose service definitions are on the host. */
  readonly components: ReadonlySet<string>;
  /** Copies of bundles on the host, complete or partial: bytes by file name. */
  readonly bundles: ReadonlyMap<string, number>;
  /** Lines of /etc/hosts outside the block that Caisson writes. */
  readonly hostNames: readonly HostNameEntry[];
  /** True when the unit of the container engine is active and the engine does not answer. */
  readonly engineFrozen: boolean;
  /** Kernel modules that were asked for and that its kernel does not have. */
  readonly missingModules: readonly string[];
  /** Foreign software; undefined on a host that has our agent. */
  readonly strangers: Strangers | undefined;
}

/** Software on a host that Caisson did not install. */
export interface Strangers {
  /** Package that installed the container engine: `none` when no package did, undefined when there is no engine. */
  readonly enginePackage: string | undefined;
  /** Names of the running containers. */
  readonly containers: readonly string[];
  /** Packages whose installation or removal did not end. */
  readonly brokenPackages: readonly string[];
}

/**
 * Returns the script that reads the state of a host, with the questions of its container engine and package manager.
 * Parameters: directories of service definitions, units and bundles; units of agent and depot; path of our executable;
 * name of our block in /etc/hosts; name of the platform's command, empty for none; names of kernel modules. Prints one line for
 * each thing that it finds: a word, a space, a value.
 */
export function hostStateScript({ engine, packages }: HostTools): string {
  return `export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
for unit in "$2/$4" "$2/$5"; do [ ! -e "$unit" ] || echo "unit \${unit##*/}"; done
[ ! -x "$6" ] || echo executable
IFS=:
for directory in \${8:+$PATH}; do
  file=$directory/$8
  if [ -e "$file" ] || [ -L "$file" ]; then
    [ "$file" = "\${6%/*}/$8" ] && [ "$(readlink -- "$file")" = "$6" ] || echo "namesake $file"
  fi
done
unset IFS
for file in "$1"/*.yaml; do [ ! -e "$file" ] || echo "definition \${file##*/}"; done
for file in "$3"/*; do [ ! -f "$file" ] || stat --printf='bundle %s %n\\n' -- "$file"; done
[ ! -r /etc/hosts ] || sed -e "/^# BEGIN $7\\$/,/^# END $7\\$/d" -e 's/#.*//' -e 's/^/hosts /' /etc/hosts
package_of() { ${packages.probe.packageOf}; }
${engine?.probe.running ?? ''}
if [ ! -e "$2/$4" ]; then
  echo strangers
  ${engine === undefined ? '' : enginePackage(engine.probe.program)}
  ${packages.probe.broken}
fi
shift 8
for module do
  [ -d "/sys/module/$(printf %s "$module" | tr - _)" ] || modprobe --quiet --dry-run -- "$module" 2>/dev/null || echo "no-module $module"
done
exit 0
`;
}

function enginePackage(program: string): string {
  return `engine=$(command -v ${program}) && {
    package=$(package_of "$engine") || package=none
    echo "engine $package"
  }`;
}

export interface HostPlaces {
  /** Directory of service definitions. */
  readonly definitions: string;
  /** Directory where the seed keeps bundles. */
  readonly bundles: string;
  /** Name that the platform gives the command. */
  readonly command?: string | undefined;
  /** Kernel modules that the host needs. */
  readonly modules?: readonly string[];
  readonly tools: HostTools;
}

/** Reads the state of a host and changes nothing. Throws CommandFailedError when the script fails. */
export async function readHostState(
  host: Host,
  { definitions, bundles, command = '', modules = [], tools }: HostPlaces,
  signal: AbortSignal,
): Promise<HostState> {
  const parameters = [definitions, UNITS, bundles, AGENT_UNIT, DEPOT_UNIT, EXECUTABLE, HOST_NAMES_BLOCK, command, ...modules];
  const { stdout } = await runChecked(host, { argv: shellScript(hostStateScript(tools), parameters) }, { signal });
  return parseHostState(stdout);
}

/** Parses the output of the script of hostStateScript. */
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
    namesakes: all('namesake'),
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
    missingModules: all('no-module'),
    strangers:
      all('strangers').length === 0
        ? undefined
        : { enginePackage: all('engine')[0], containers: all('container'), brokenPackages: all('broken') },
  };
}
