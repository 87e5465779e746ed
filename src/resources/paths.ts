import { hexOf, type Digest } from '../core/index.ts';
import { runChecked, shellScript, type Host } from '../host/index.ts';
import type { OwnedResource } from '../site/index.ts';

export const DEFAULT_OWNER = 'root:root';

/** Where a host keeps what was there before us, under its own path. */
export const ORIGINALS = '/var/lib/caisson/originals';
/** Where a host keeps what the present run replaced, until the run has ended well. */
export const REPLACED = '/var/lib/caisson/replaced';

/** What a path on a host is. */
export interface PathState {
  /** Octal, without leading zero. */
  readonly mode: string;
  /** user:group, by name and by number. */
  readonly owners: readonly string[];
  /** `directory`, `link`, `other`, or the SHA-256 of a file's bytes in hexadecimal. */
  readonly kind: string;
}

/**
 * Prints for each path, NUL behind it: mode, owner by name, owner by number, what it is (`directory` or the digest of a
 * file's bytes), and the path. Parameters before `--` are directories, where links are followed; those behind are files,
 * where a link is no file of ours. Only regular files are read: a pipe would never end.
 */
export const INSPECT_SCRIPT = `export LC_ALL=C
follow=-L
for path do
  if [ "$path" = -- ]; then follow=; continue; fi
  attributes=$(stat $follow --printf '%a %U:%G %u:%g' -- "$path" 2>/dev/null) || continue
  if [ -d "$path" ]; then kind=directory
  elif [ -f "$path" ]; then kind=$(sha256sum < "$path")
  else kind=other
  fi
  if [ -z "$follow" ] && [ -L "$path" ]; then kind=link; fi
  printf '%s %s\\t%s\\0' "$attributes" "\${kind%% *}" "$path"
done
exit 0
`;

/** What files and directories of a host are; those that are not there are left out. One command. */
export async function inspectPaths(
  host: Host,
  { files = [], directories = [] }: { readonly files?: readonly string[]; readonly directories?: readonly string[] },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PathState>> {
  if (files.length === 0 && directories.length === 0) return new Map();
  const { stdout } = await runChecked(host, { argv: shellScript(INSPECT_SCRIPT, [...directories, '--', ...files]) }, { signal });
  return new Map(
    stdout.split('\0').flatMap((record): [string, PathState][] => {
      const tab = record.indexOf('\t');
      const [mode, names, numbers, kind] = record.slice(0, tab).split(' ');
      if (tab < 0 || mode === undefined || names === undefined || numbers === undefined || kind === undefined) return [];
      return [[record.slice(tab + 1), { mode, owners: [names, numbers], kind }]];
    }),
  );
}

export interface Attributes {
  readonly mode: number;
  /** `user:group`, by name or number; root:root when not given. */
  readonly owner?: string | undefined;
}

/** Why mode or owner of a path are not as wanted; undefined when they are. */
export function attributesProblem(found: PathState, { mode, owner = DEFAULT_OWNER }: Attributes): string | undefined {
  if (found.mode !== mode.toString(8)) return `its mode is ${found.mode}, want ${mode.toString(8)}`;
  if (!found.owners.includes(owner)) return `its owner is ${found.owners[0] ?? ''}, want ${owner}`;
  return undefined;
}

/** Why a file is not as wanted; undefined when it is. A digest that is not known yet never fits. */
export function fileProblem(found: PathState, wanted: Attributes & { readonly digest: Digest | undefined }): string | undefined {
  if (['directory', 'link', 'other'].includes(found.kind)) return `it is ${found.kind === 'other' ? 'no regular file' : `a ${found.kind}`}`;
  if (wanted.digest === undefined || found.kind !== hexOf(wanted.digest)) return 'its content differs';
  return attributesProblem(found, wanted);
}

/**
 * Parameters: a directory, then paths. Copies each file that is there into the directory, under its own path, unless a copy
 * is there already: the first one is the oldest. A path that is not there leaves an empty mark (PATH.absent).
 */
export const KEEP_SCRIPT = `set -eu
umask 077
store=$1; shift
for path do
  kept=$store$path
  if [ -e "$kept" ] || [ -L "$kept" ] || [ -e "$kept.absent" ]; then continue; fi
  mkdir -p -- "\${kept%/*}"
  if [ -e "$path" ] || [ -L "$path" ]; then
    rm -rf -- "$kept.new"; cp -a -- "$path" "$kept.new"; mv -T -- "$kept.new" "$kept"
  else : > "$kept.absent"
  fi
done
`;

/** Copies files into a store (ORIGINALS, REPLACED), each once; those that are not there are marked so. */
export async function keepPaths(host: Host, store: string, paths: readonly string[], signal: AbortSignal): Promise<void> {
  if (paths.length > 0) await runChecked(host, { argv: shellScript(KEEP_SCRIPT, [store, ...paths]) }, { signal });
}

/** Parameters: a directory, then paths. Puts back what KEEP_SCRIPT copied, removes what was not there; forgets the copies. */
export const RESTORE_SCRIPT = `set -eu
umask 022
store=$1; shift
for path do
  kept=$store$path
  rm -rf -- "$kept.new"
  if [ -e "$kept" ] || [ -L "$kept" ]; then mkdir -p -- "\${path%/*}"; rm -rf -- "$path"; mv -T -- "$kept" "$path"
  elif [ -e "$kept.absent" ]; then rm -f -- "$path" "$kept.absent"
  fi
done
[ ! -d "$store" ] || find "$store" -depth -type d -empty -delete
`;

/** Puts back what a store has of these paths; a path that it says was absent is removed. Others stay as they are. */
export async function restorePaths(host: Host, store: string, paths: readonly string[], signal: AbortSignal): Promise<void> {
  if (paths.length > 0) await runChecked(host, { argv: shellScript(RESTORE_SCRIPT, [store, ...paths]) }, { signal });
}

/** Removes files of ours. */
export async function removeFiles(host: Host, paths: readonly string[], signal: AbortSignal): Promise<void> {
  if (paths.length > 0) await runChecked(host, { argv: ['rm', '-f', '--', ...paths] }, { signal });
}

/**
 * Removes the files of things of ours. Where something that was not ours stood before, that is put back; a file there of which
 * ORIGINALS has nothing is that one already (a removal was killed after it, or the making before it), and stays.
 */
export async function removePlaced(
  host: Host,
  owned: readonly OwnedResource[],
  pathsOf: (one: OwnedResource) => readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const [own, replaced] = [false, true].map((wanted) => owned.filter(({ before }) => (before === 'other') === wanted).flatMap(pathsOf));
  await removeFiles(host, own ?? [], signal);
  await restorePaths(host, ORIGINALS, replaced ?? [], signal);
}

/** Parameters: a file, owner, mode, the name that it gets. */
export const PLACE_SCRIPT = 'set -eu; chown -- "$2" "$1"; chmod -- "$3" "$1"; sync -- "$1"; mv -fT -- "$1" "$4"';

/** Parameters: directories, deepest first. Removes those that are empty. */
export const REMOVE_EMPTY_SCRIPT = `for path do
  if [ -d "$path" ] && [ ! -L "$path" ]; then rmdir --ignore-fail-on-non-empty -- "$path" || exit 1; fi
done
`;

/** True while the host keeps what this run, or one that was killed, replaced. */
export async function keepsReplaced(host: Host, signal: AbortSignal): Promise<boolean> {
  return (await host.run({ argv: ['test', '-e', REPLACED] }, { signal })).exitCode === 0;
}

/** Forgets what the present run replaced. */
export async function forgetReplaced(host: Host, signal: AbortSignal): Promise<void> {
  await runChecked(host, { argv: ['rm', '-rf', '--', REPLACED] }, { signal });
}
