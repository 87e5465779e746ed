import { runChecked, shellScript } from '../host/index.ts';
import { ORIGINALS } from './paths.ts';
import { pendingOf } from './pending.ts';
import { ABSENT, SAME, type Found, type ResourceKind } from './kind.ts';

/** A kernel setting that applies now and after every boot. Its key is the name with dots. */
export interface SysctlSpec {
  readonly value: string;
}

/**
 * Parameters: names. Prints a line for each, with tabs between: NAME, running value, value in the boot file that Caisson
 * wrote.
 */
export const LOOK_SYSCTL_SCRIPT = `for name do
  now=$(cat -- "/proc/sys/$(printf %s "$name" | tr . /)" 2>/dev/null | tr '\\t' ' ') || now=
  boot=
  if [ -r "/etc/sysctl.d/90-caisson-$name.conf" ]; then boot=$(sed -n 's/^[^=]*= *//p' "/etc/sysctl.d/90-caisson-$name.conf"); fi
  printf '%s\\t%s\\t%s\\n' "$name" "$now" "$boot"
done
`;

/**
 * Parameters: a directory, then name and value in turn. Keeps the original value of each setting in the directory, writes
 * the boot file, then sets the running value.
 */
export const SET_SYSCTL_SCRIPT = `set -eu
umask 022
store=$1; shift
mkdir -p -- "$store/sysctl" /etc/sysctl.d
while [ $# -gt 1 ]; do
  place=/proc/sys/$(printf %s "$1" | tr . /)
  if [ ! -e "$store/sysctl/$1" ]; then cat -- "$place" >"$store/sysctl/$1.new"; mv "$store/sysctl/$1.new" "$store/sysctl/$1"; fi
  printf '%s = %s\\n' "$1" "$2" >"/etc/sysctl.d/90-caisson-$1.conf.new"
  mv "/etc/sysctl.d/90-caisson-$1.conf.new" "/etc/sysctl.d/90-caisson-$1.conf"
  printf '%s\\n' "$2" >"$place"
  shift 2
done
`;

/**
 * Parameters: a directory, then names. Removes the boot files and sets the original values, which SET_SYSCTL_SCRIPT kept
 * there.
 */
export const UNSET_SYSCTL_SCRIPT = `set -eu
store=$1; shift
for name do
  rm -f -- "/etc/sysctl.d/90-caisson-$name.conf"
  if [ -e "$store/sysctl/$name" ]; then
    cat -- "$store/sysctl/$name" >"/proc/sys/$(printf %s "$name" | tr . /)" || :
    rm -f -- "$store/sysctl/$name"
  fi
done
[ ! -d "$store" ] || find "$store" -depth -type d -empty -delete
`;

export const sysctlKind: ResourceKind<SysctlSpec> = {
  look: async (host, wanted, { signal }) => {
    const { stdout } = await runChecked(
      host,
      {
        argv: shellScript(
          LOOK_SYSCTL_SCRIPT,
          wanted.map(({ key }) => key),
        ),
      },
      { signal },
    );
    const found = new Map(stdout.split('\n').map((line) => [line.split('\t')[0] ?? '', line.split('\t')]));
    return wanted.map(({ key, spec }): Found => {
      const [, now = '', boot = ''] = found.get(key) ?? [];
      if (now === spec.value && boot === spec.value) return SAME;
      if (now === spec.value) return { state: 'different', why: `it is so now, but ${boot === '' ? 'not' : boot} at boot` };
      return boot === '' ? ABSENT : { state: 'different', why: `it is ${now}, want ${spec.value}` };
    });
  },
  ensure: async (host, wanted, context) => {
    const words = (await pendingOf(sysctlKind.look, host, wanted, context)).flatMap(({ key, spec }) => [key, spec.value]);
    if (words.length === 0) return;
    await runChecked(host, { argv: shellScript(SET_SYSCTL_SCRIPT, [ORIGINALS, ...words]) }, { signal: context.signal });
  },
  remove: async (host, owned, { signal }) => {
    await runChecked(host, { argv: shellScript(UNSET_SYSCTL_SCRIPT, [ORIGINALS, ...owned.map(({ key }) => key)]) }, { signal });
  },
};
