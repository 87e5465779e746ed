import { hexOf, type Digest } from '../core/index.ts';
import { runChecked, shellScript, type Host } from '../host/index.ts';
import type { OwnedResource } from '../site/index.ts';

export const DEFAULT_OWNER = 'root:root';

/** Directory on a host of the files that Caisson replaced, each below it under its own path. */
export const ORIGINALS = '/var/lib/caisson/originals';
/** Directory on a host of the files that the present run replaced. Removed when the run has succeeded. */
export const REPLACED = '/var/lib/caisson/replaced';

/** Type, mode and owner of a path on a host. */
export interface PathState {
  /** Octal, without leading zero. */
  readonly mode: string;
  /** Two forms of user:group: by name, and by number. */
  readonly owners: readonly string[];
  /** `directory`, `link`, `other`, or the SHA-256 of a regular file in hexadecimal. */
  readonly kind: string;
}

/**
 * Parameters: directories, `--`, files. Prints for each path that exists: mode, owner by name, owner by number, kind as
 * in PathState, a tab, the path, NUL. Links to directories are followed; a link in place of a file has the kind `link`.
 * Only regular files are read, because reading a pipe would not end. openssl, where there is one, hashes with the
 * instructions of the processor; sha256sum of coreutils 9.1 takes four times as long for the same file.
 */
export const INSPECT_SCRIPT = `export LC_ALL=C
if command -v openssl >/dev/null; then sha256='openssl dgst -sha256 -r'; else sha256=sha256sum; fi
follow=-L
for path do
  if [ "$path" = -- ]; then follow=; continue; fi
  attributes=$(stat $follow --printf '%a %U:%G %u:%g' -- "$path" 2>/dev/null) || continue
  if [ -d "$path" ]; then kind=directory
  elif [ -f "$path" ]; then kind=$($sha256 < "$path")
  else kind=other
  fi
  if [ -z "$follow" ] && [ -L "$path" ]; then kind=link; fi
  printf '%s %s\\t%s\\0' "$attributes" "\${kind%% *}" "$path"
done
exit 0
`;

/** Reads the state of files and directories on a host, by path. A path that does not exist is left out. Runs one command. */
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

/** Says which of mode and owner is not as wanted; undefined when both are. */
export function attributesProblem(found: PathState, { mode, owner = DEFAULT_OWNER }: Attributes): string | undefined {
  if (found.mode !== mode.toString(8)) return `its mode is ${found.mode}, want ${mode.toString(8)}`;
  if (!found.owners.includes(owner)) return `its owner is ${found.owners[0] ?? ''}, want ${owner}`;
  return undefined;
}

/** Says why a file is not as wanted; undefined when it is. A file differs while its wanted digest is undefined. */
export function fileProblem(found: PathState, wanted: Attributes & { readonly digest: Digest | undefined }): string | undefined {
  if (['directory', 'link', 'other'].includes(found.kind)) return `it is ${found.kind === 'other' ? 'no regular file' : `a ${found.kind}`}`;
  if (wanted.digest === undefined || found.kind !== hexOf(wanted.digest)) return 'its content differs';
  return attributesProblem(found, wanted);
}

/**
 * Parameters: a directory, then paths. Copies each existing file into the directory under its own path. An earlier copy
 * is not replaced, so the oldest stays. For a path that does not exist, makes an empty file PATH.absent there.
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

/** Copies files into a store (ORIGINALS or REPLACED), unless it has a copy. The store also notes paths that do not exist. */
export async function keepPaths(host: Host, store: string, paths: readonly string[], signal: AbortSignal): Promise<void> {
  if (paths.length > 0) await runChecked(host, { argv: shellScript(KEEP_SCRIPT, [store, ...paths]) }, { signal });
}

/**
 * Parameters: a directory, then paths. Moves copies that KEEP_SCRIPT made back to their paths, and removes the files at
 * paths that it noted as absent. Paths without a copy or note are not changed.
 */
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

/**
 * Moves files of a store back to these paths, and removes files at paths that the store notes as absent. Other paths are
 * not changed.
 */
export async function restorePaths(host: Host, store: string, paths: readonly string[], signal: AbortSignal): Promise<void> {
  if (paths.length > 0) await runChecked(host, { argv: shellScript(RESTORE_SCRIPT, [store, ...paths]) }, { signal });
}

/** Removes files. A path that does not exist is skipped. */
export async function removeFiles(host: Host, paths: readonly string[], signal: AbortSignal): Promise<void> {
  if (paths.length > 0) await runChecked(host, { argv: ['rm', '-f', '--', ...paths] }, { signal });
}

/**
 * Removes the files of owned resources. A file that replaced an original (`before` is `other`) is replaced by that
 * original. When ORIGINALS has no copy, the file at the path is the original already and stays: an earlier run was killed
 * after putting it back, or before replacing it.
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

/**
 * Parameters: a file, owner, mode, final path. Sets owner and mode, writes the file to disk, then renames it. Where the host
 * has SELinux, the file gets the context of its final path.
 */
export const PLACE_SCRIPT =
  'set -eu; chown -- "$2" "$1"; chmod -- "$3" "$1"; sync -- "$1"; mv -fT -- "$1" "$4"; if command -v restorecon >/dev/null; then restorecon "$4" || :; fi';

/** Parameters: directories, deepest first. Removes the empty ones. A link to a directory is not removed. */
export const REMOVE_EMPTY_SCRIPT = `for path do
  if [ -d "$path" ] && [ ! -L "$path" ]; then rmdir --ignore-fail-on-non-empty -- "$path" || exit 1; fi
done
`;

/** True while the host has files that this run, or an interrupted one, replaced. */
export async function keepsReplaced(host: Host, signal: AbortSignal): Promise<boolean> {
  return (await host.run({ argv: ['test', '-e', REPLACED] }, { signal })).exitCode === 0;
}

/** Removes the copies of the files that the present run replaced. */
export async function forgetReplaced(host: Host, signal: AbortSignal): Promise<void> {
  await runChecked(host, { argv: ['rm', '-rf', '--', REPLACED] }, { signal });
}
