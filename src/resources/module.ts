import { runChecked, shellScript } from '../host/index.ts';
import { pendingOf } from './pending.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** A kernel module that is loaded now and at every boot. Its key is the name. */
export type ModuleSpec = Readonly<Record<string, never>>;

/**
 * Parameters: names. Prints a line for each: NAME, yes or no for loaded (or built in), yes or no for loaded at boot by a
 * file of Caisson.
 */
export const LOOK_MODULES_SCRIPT = `for name do
  loaded=no; boot=no
  if [ -d "/sys/module/$(printf %s "$name" | tr - _)" ] || modprobe --show-depends -- "$name" 2>/dev/null | grep -q '^builtin'; then loaded=yes; fi
  [ ! -e "/etc/modules-load.d/caisson-$name.conf" ] || boot=yes
  echo "$name $loaded $boot"
done
`;

/**
 * Parameters: names. Loads each module, then writes the file that loads it at boot. A module that is there is not loaded again:
 * modprobe knows no part of the kernel on a host whose kernel came without modules.
 */
export const LOAD_MODULES_SCRIPT = `set -eu
umask 022
mkdir -p /etc/modules-load.d
for name do
  [ -d "/sys/module/$(printf %s "$name" | tr - _)" ] || modprobe -- "$name"
  echo "$name" >"/etc/modules-load.d/caisson-$name.conf.new"
  mv "/etc/modules-load.d/caisson-$name.conf.new" "/etc/modules-load.d/caisson-$name.conf"
done
`;

/**
 * Parameters: names, with a + before those that were not loaded before Caisson. Removes the files that load modules at
 * boot, and unloads the modules with a +. A module that is in use stays loaded until the next boot.
 */
export const UNLOAD_MODULES_SCRIPT = `for word do
  name=\${word#+}
  rm -f -- "/etc/modules-load.d/caisson-$name.conf" || exit 1
  if [ "$name" != "$word" ]; then modprobe -r -- "$name" 2>/dev/null || :; fi
done
`;

export const moduleKind: ResourceKind<ModuleSpec> = {
  look: async (host, wanted, { signal }) => {
    const { stdout } = await runChecked(
      host,
      {
        argv: shellScript(
          LOOK_MODULES_SCRIPT,
          wanted.map(({ key }) => key),
        ),
      },
      { signal },
    );
    const found = new Map(
      stdout.split('\n').map((line): [string, string] => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)]),
    );
    return wanted.map(({ key }): Found => {
      const state = found.get(key);
      if (state === 'yes yes') return SAME;
      if (state === 'yes no') return { state: 'different', why: 'it is loaded, but not at boot' };
      return state === 'no yes' ? { state: 'different', why: 'it is not loaded' } : ABSENT;
    });
  },
  ensure: async (host, wanted, context) => {
    const names = (await pendingOf(moduleKind.look, host, wanted, context)).map(({ key }) => key);
    if (names.length > 0) await runChecked(host, { argv: shellScript(LOAD_MODULES_SCRIPT, names) }, { signal: context.signal });
  },
  remove: async (host, owned, { signal }) => {
    const words = owned.map(({ key, before }) => (before === undefined ? `+${key}` : key));
    await runChecked(host, { argv: shellScript(UNLOAD_MODULES_SCRIPT, words) }, { signal });
  },
};
