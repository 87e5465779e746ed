import { digestOf, hexOf } from '../core/index.ts';
import { ensureDirectory, runChecked, shellScript, type Host } from '../host/index.ts';

const DEFAULT_OWNER = 'root:root';

/** A file whose whole content the installer decides. */
export interface ManagedFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
  /** `user:group`, by name or number; root:root when not given. */
  readonly owner?: string | undefined;
}

/** A directory whose mode and owner the installer decides; what it holds is left alone. A link to one is as good. */
export interface ManagedDirectory {
  readonly path: string;
  readonly mode: number;
  readonly owner?: string | undefined;
}

export interface ManagedPaths {
  readonly files?: readonly ManagedFile[];
  readonly directories?: readonly ManagedDirectory[];
}

/** What of a list is missing on the host or differs: files in bytes, mode or owner, directories in mode or owner. One command. */
export async function differing(
  host: Host,
  { files = [], directories = [] }: ManagedPaths,
  signal: AbortSignal,
): Promise<Required<ManagedPaths>> {
  if (files.length === 0 && directories.length === 0) return { files, directories };
  const parameters = [...directories.map(({ path }) => path), '--', ...files.map(({ path }) => path)];
  const { stdout } = await runChecked(host, { argv: shellScript(INSPECT_SCRIPT, parameters) }, { signal });
  const found = parseInspection(stdout);
  return {
    files: files.filter((file) => !isAsWanted(found.get(file.path), file, hexOf(digestOf(file.content)))),
    directories: directories.filter((directory) => !isAsWanted(found.get(directory.path), directory, 'directory')),
  };
}

/** True when every file and directory of the list is as it should be. */
export async function areAsWanted(host: Host, wanted: ManagedPaths, signal: AbortSignal): Promise<boolean> {
  const { files, directories } = await differing(host, wanted, signal);
  return files.length === 0 && directories.length === 0;
}

/** Makes the directories that are missing, sets mode and owner of those that differ, writes the files that differ, each atomically. */
export async function putInPlace(host: Host, wanted: ManagedPaths, signal: AbortSignal): Promise<void> {
  const { files, directories } = await differing(host, wanted, signal);
  for (const { path, mode, owner = DEFAULT_OWNER } of directories) await ensureDirectory(host, path, { mode, owner, signal });
  for (const { path, content, mode, owner = DEFAULT_OWNER } of files) {
    await host.upload(content, path, { mode, owner, digest: digestOf(content), onlyWriter: true, signal });
  }
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

interface Inspection {
  readonly mode: string;
  readonly owners: readonly string[];
  /** `directory`, `link`, `other`, or the SHA-256 of a file. */
  readonly kind: string;
}

function parseInspection(output: string): ReadonlyMap<string, Inspection> {
  return new Map(
    output.split('\0').flatMap((record): [string, Inspection][] => {
      const tab = record.indexOf('\t');
      const [mode, names, numbers, kind] = record.slice(0, tab).split(' ');
      if (tab < 0 || mode === undefined || names === undefined || numbers === undefined || kind === undefined) return [];
      return [[record.slice(tab + 1), { mode, owners: [names, numbers], kind }]];
    }),
  );
}

function isAsWanted(
  found: Inspection | undefined,
  { mode, owner = DEFAULT_OWNER }: { readonly mode: number; readonly owner?: string | undefined },
  kind: string,
): boolean {
  return found !== undefined && found.mode === mode.toString(8) && found.owners.includes(owner) && found.kind === kind;
}
